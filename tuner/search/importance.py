"""Which parameters decided whether a trial was among the best: PED-ANOVA, by Optuna.

Source: S. Watanabe et al., PED-ANOVA: efficiently quantifying hyperparameter importance in
arbitrary subspaces, 2023; Optuna's form covers conditional parameters.
"""

from __future__ import annotations

import warnings

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

from tuner.study.space import parameter_of

#: With fewer scored trials the shares are noise.
FEWEST_TRIALS = 20
#: The best trials that the others are compared with: this share,
BEST_SHARE = 0.1
#: but at least so many, as the method's authors ask for.
FEWEST_BEST = 5


def measure_importance(study: optuna.Study) -> dict[str, float]:
    """Parameter -> its share in what set the best trials apart, 0 to 1, the largest first.

    Args:
        study: of one bitrate. Of two objectives the first counts.

    Returns:
        Shares that sum to 1; empty where too few trials have a score, or all scored the same.
    """
    scored = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(scored) < FEWEST_TRIALS:
        return {}
    if len({trial.values[0] for trial in scored}) == 1:
        return {}
    evaluator = PedAnovaImportanceEvaluator(
        target_quantile=max(BEST_SHARE, FEWEST_BEST / len(scored))
    )
    with warnings.catch_warnings():
        # Rarely active parameters, and that low targets are the good ones: neither is news.
        warnings.simplefilter("ignore")
        shares = get_param_importances(
            study, evaluator=evaluator, target=lambda trial: -trial.values[0], normalize=True
        )
    found: dict[str, float] = {}
    for dimension, share in shares.items():
        name = parameter_of(dimension)
        found[name] = found.get(name, 0.0) + float(share)
    ranked = sorted(found.items(), key=lambda item: -item[1])
    return {name: round(share, 4) for name, share in ranked}
