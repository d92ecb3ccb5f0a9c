"""The configuration ``audit.yaml``: a file for each of its parts, and one that reads it."""

from ...tasks import AGGREGATES as AGGREGATES
from .data import Data as Data
from .data import Slices as Slices
from .data import TrainData as TrainData
from .data import Twins as Twins
from .data import Written as Written
from .gate import COSTS as COSTS
from .gate import Gate as Gate
from .gate import Objective as Objective
from .given import GivenVariant as GivenVariant
from .given import given_kind as given_kind
from .model import TEXT_RUNTIMES as TEXT_RUNTIMES
from .model import ModelSpec as ModelSpec
from .parts import Planned as Planned
from .parts import ReportSpec as ReportSpec
from .problems import first_problem as first_problem
from .reading import as_yaml as as_yaml
from .reading import json_schema as json_schema
from .reading import load_yaml as load_yaml
from .reading import override as override
from .reading import read as read
from .section import Confidence as Confidence
from .section import Section as Section
from .whole import Config as Config
