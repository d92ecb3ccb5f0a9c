"""Small models, made once for the tests of a module."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..tiny import save_bert, save_vit


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small BERT classifier; read only."""
    return save_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="session")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small ViT classifier; read only."""
    return save_vit(tmp_path_factory.mktemp("vit"))
