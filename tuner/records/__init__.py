"""What a run stores: the records behind `results.json`.

The search writes them, the report only reads them. All qualities are on the MUSHRA
scale (0 to 100, higher is better), bitrates are measured payload kb/s over a whole
clip set, times are seconds. `FORMAT_VERSION` grows with every change that a reader
could trip over.
"""

from tuner.records.answers import (
    Answer,
    BitrateResult,
    ListeningResult,
    NoAnswer,
    Verdict,
    VerdictKind,
)
from tuner.records.candidates import (
    Ablation,
    AblationFailed,
    Candidate,
    Estimate,
    SideResult,
    join_commands,
)
from tuner.records.run import (
    FORMAT_VERSION,
    ClipRecord,
    CurvePoint,
    MetricRecord,
    Provenance,
    Results,
)
from tuner.records.targets import Missed, NeededBits, QualityTarget, Reached
from tuner.records.trials import (
    Complete,
    Failed,
    Infeasible,
    Pruned,
    Scored,
    Timing,
    TrialRecord,
    TrialState,
    Value,
)
from tuner.records.words import (
    METRIC_LABELS,
    MODEL,
    SIDE_WORDS,
    Side,
    metric_label,
    name_rates,
    objective_label,
)

__all__ = [
    "FORMAT_VERSION",
    "METRIC_LABELS",
    "MODEL",
    "SIDE_WORDS",
    "Ablation",
    "AblationFailed",
    "Answer",
    "BitrateResult",
    "Candidate",
    "ClipRecord",
    "Complete",
    "CurvePoint",
    "Estimate",
    "Failed",
    "Infeasible",
    "ListeningResult",
    "MetricRecord",
    "Missed",
    "NeededBits",
    "NoAnswer",
    "Provenance",
    "Pruned",
    "QualityTarget",
    "Reached",
    "Results",
    "Scored",
    "Side",
    "SideResult",
    "Timing",
    "TrialRecord",
    "TrialState",
    "Value",
    "Verdict",
    "VerdictKind",
    "join_commands",
    "metric_label",
    "name_rates",
    "objective_label",
]
