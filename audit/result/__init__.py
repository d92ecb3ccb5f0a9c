"""The typed result of an audit: the one source of every figure (``audit.json``).

Renderers, the gate and ``verify`` read these objects and nothing else. Every field is documented in
the published JSON Schema (``fairweigh schema --result``).
"""

from .about import Coverage as Coverage
from .about import DataInfo as DataInfo
from .about import Definition as Definition
from .about import Environment as Environment
from .about import Guest as Guest
from .about import NotMeasured as NotMeasured
from .about import Priorities as Priorities
from .changes import Change as Change
from .changes import Comparison as Comparison
from .changes import Counterfactual as Counterfactual
from .changes import Difference as Difference
from .changes import Flips as Flips
from .changes import GapChange as GapChange
from .changes import Identified as Identified
from .changes import TwinRows as TwinRows
from .cost import Cost as Cost
from .cost import SelfFlips as SelfFlips
from .cost import Timing as Timing
from .figures import CalibrationBin as CalibrationBin
from .figures import Counts as Counts
from .figures import Disparity as Disparity
from .figures import Exposure as Exposure
from .figures import Findings as Findings
from .figures import Found as Found
from .figures import Quantile as Quantile
from .figures import ScoreDetail as ScoreDetail
from .figures import SliceResult as SliceResult
from .gates import CERTIFIED as CERTIFIED
from .gates import RELEASE as RELEASE
from .gates import TARGET as TARGET
from .gates import BaselineInfo as BaselineInfo
from .gates import Decided as Decided
from .gates import GateResult as GateResult
from .gates import GateSlice as GateSlice
from .gates import GatesTogether as GatesTogether
from .gates import PolicyInfo as PolicyInfo
from .message import Message as Message
from .message import told_by_text as told_by_text
from .model import ModelInfo as ModelInfo
from .part import USABLE as USABLE
from .part import Estimate as Estimate
from .part import Part as Part
from .part import RunVerdict as RunVerdict
from .part import Slice as Slice
from .part import Status as Status
from .part import Verdict as Verdict
from .recipe import CellWeight as CellWeight
from .recipe import Layer as Layer
from .recipe import Recipe as Recipe
from .recipe import Rule as Rule
from .recipe import RuleSlice as RuleSlice
from .recipe import Step as Step
from .recipe import TradeOff as TradeOff
from .variants import Failed as Failed
from .variants import Frontier as Frontier
from .variants import Standing as Standing
from .variants import Variant as Variant
from .whole import SCHEMA_VERSION as SCHEMA_VERSION
from .whole import VERSIONS as VERSIONS
from .whole import AuditResult as AuditResult
