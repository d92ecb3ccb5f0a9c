"""Artefacts, made and loaded where the recipes of all rooms are known."""

from __future__ import annotations

from ...compression.artefact import load as load
from ...compression.make import make as make
from ..recipes import ROOMS as ROOMS
