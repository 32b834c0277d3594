"""Train the tumour network from a manifest: seeded, resumable, on a CPU or a GPU.

State is kept in plain files, never pickled: ``state.npz`` (network, moving average, optimiser),
``best.npz`` (the weights that did best on the validation split), ``history.csv`` and
``training.json``.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radtool.errors import InputError, ParameterError
from radtool.files import atomic_path, write_json
from radtool.segmentation.dataset import TrainingCase, load_cases
from radtool.segmentation.inference import sliding_window
from radtool.segmentation.network import STRIDE, build_network, import_torch
from radtool.segmentation.patches import UNKNOWN, draw_batch, draw_negative, draw_positive

__all__ = ["TrainSettings", "train"]

logger = logging.getLogger(__name__)

EMA_DECAY = 0.998


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """How the network is trained.

    Parameters
    ----------
    steps : int, default 6000
        Optimiser steps in all; the cosine schedule ends there. A resumed run may name another
        number.
    batch : int, default 6
        Windows a step.
    window : int, default 48
        Window edge in voxels of 2 mm, a multiple of 8.
    learning_rate : float, default 2e-3
        Peak of the cosine schedule, after a warm-up of 100 steps.
    weight_decay : float, default 0.01
        Of AdamW.
    widths : tuple of 3 int
        Channels at 4, 8 and 16 mm.
    check_every : int, default 500
        Steps between validations; the state is saved then too.
    mine_every : int, default 1500
        Steps between searches of the tumour-free training scans for voxels that the averaged
        network takes for tumour; windows are then drawn around them.
    precision : {"float32", "bfloat16"}
        Arithmetic of the convolutions.
    device : {"cpu", "cuda"}
    threads : int, default 1
        CPU threads.
    seed : int, default 0
    """

    steps: int = 6000
    batch: int = 6
    window: int = 48
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    widths: tuple[int, int, int] = (32, 64, 128)
    check_every: int = 500
    mine_every: int = 1500
    precision: str = "float32"
    device: str = "cpu"
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.window % STRIDE or self.window < 2 * STRIDE:
            raise ParameterError(
                f"window must be a multiple of {STRIDE} voxels, at least {2 * STRIDE},"
                f" got {self.window}"
            )
        if self.precision not in ("float32", "bfloat16"):
            raise ParameterError(f"precision must be float32 or bfloat16, got {self.precision!r}")
        if min(self.steps, self.batch, self.check_every, self.mine_every, self.threads) < 1:
            raise ParameterError(
                "steps, batch, check_every, mine_every and threads must be 1 or more"
            )


def train(
    manifest: str | os.PathLike[str], out: str | os.PathLike[str], settings: TrainSettings
) -> Path:
    """Train, or go on from the state in `out`, until all steps are done.

    Parameters
    ----------
    manifest : path-like
        See `load_cases`. Test cases are never read.
    out : path-like
        Folder of the run.
    settings : TrainSettings

    Returns
    -------
    pathlib.Path
        ``best.npz``: the averaged weights with the highest score on the validation split: mean
        DSC of shifted tumours plus a quarter of the fraction of tumour-free windows that stay
        below 0.1 mL.

    Raises
    ------
    MissingPartError
        torch is not installed.
    InputError
        No training or validation case with a tumour, a GPU that is not there, or a state of other
        settings.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    cases = load_cases(manifest)
    splits = {name: [c for c in cases if c.split == name] for name in ("train", "validation")}
    for name, members in splits.items():
        if not any(case.mask is not None for case in members):
            raise InputError(f"{manifest}: no case with a mask in the {name} split")
    run = _Run(folder, settings)
    write_json(
        folder / "training.json",
        {
            "settings": asdict(settings),
            "cases": {name: [c.case_id for c in members] for name, members in splits.items()},
        },
    )
    while run.step < settings.steps:
        loss = run.one_step(splits["train"])
        if run.step % settings.mine_every == 0:
            run.mine(splits["train"])
        if run.step % settings.check_every == 0 or run.step == settings.steps:
            run.check(splits["validation"], loss)
    return folder / "best.npz"


class _Run:
    """Network, moving average and optimiser of one training run."""

    def __init__(self, folder: Path, settings: TrainSettings) -> None:
        self.torch = torch = import_torch()
        if settings.device == "cuda" and not torch.cuda.is_available():
            raise InputError("device is cuda, but torch sees no GPU here; use device='cpu'")
        torch.manual_seed(settings.seed)
        torch.set_num_threads(settings.threads)
        self.folder, self.settings = folder, settings
        self.network = self._placed(build_network(settings.widths))
        self.average = self._placed(build_network(settings.widths)).eval()
        self.average.load_state_dict(self.network.state_dict())
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.step, self.best = 0, -1.0
        self.losses: list[float] = []
        self.hard: dict[str, np.ndarray] = {}
        self.started = time.monotonic()
        if (folder / "state.npz").exists():
            self._resume()

    def _placed(self, network: Any) -> Any:
        return network.to(self.settings.device, memory_format=self.torch.channels_last_3d)

    def _tensor(self, array: np.ndarray) -> Any:
        return self.torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(
            self.settings.device
        )

    def one_step(self, cases: Sequence[TrainingCase]) -> float:
        """One optimiser step; the draw depends on the seed and the step only."""
        settings, torch = self.settings, self.torch
        rng = np.random.default_rng([settings.seed, self.step])
        hu, target = draw_batch(
            [case for case in cases if case.mask is not None],
            [case for case in cases if case.mask is None],
            rng,
            count=settings.batch,
            size=settings.window,
            hard=self.hard,
        )
        for group in self.optimiser.param_groups:
            group["lr"] = _learning_rate(self.step, settings)
        truth, known = self._tensor(target == 1), self._tensor(target != UNKNOWN)
        with torch.autocast(
            settings.device, torch.bfloat16, enabled=settings.precision == "bfloat16"
        ):
            logits, coarse = self.network(self._tensor(hu))
        progress = self.step / settings.steps
        half = torch.nn.functional.avg_pool3d
        loss = _loss(torch, logits.float(), truth, known, progress) + 0.3 * _loss(
            torch, coarse.float(), half(truth, 2), (half(known, 2) == 1).float(), progress
        )
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        self._update_average()
        self.losses.append(float(loss.detach()))
        return self.losses[-1]

    def _update_average(self) -> None:
        decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
        with self.torch.no_grad():
            now = self.network.state_dict()
            for name, value in self.average.state_dict().items():
                if value.dtype.is_floating_point:
                    value.lerp_(now[name], 1 - decay)
                else:
                    value.copy_(now[name])

    def mine(self, cases: Sequence[TrainingCase]) -> None:
        """Find what the averaged network takes for tumour in scans that have none."""

        def run(hu: np.ndarray) -> np.ndarray:
            with self.torch.no_grad():
                logits, _ = self.average(self._tensor(hu[None, None]))
            return logits[0, 0].cpu().numpy()

        for case in cases:
            if case.mask is None:
                logits = sliding_window(
                    run, case.hu, case.hu > -1000 if case.search is None else case.search
                )
                if case.unknown is not None:
                    logits = np.where(case.unknown, -1.0, logits)
                found = np.flatnonzero(logits > 0)
                self.hard[case.case_id] = found
                logger.info("%s: %.1f mL taken for tumour", case.case_id, found.size * 0.008)

    def check(self, cases: Sequence[TrainingCase], loss: float) -> None:
        """Validate the averaged weights, keep them if they are the best, save the state."""
        scores = self._validate(cases)
        row = {
            "step": self.step,
            "seconds": round(time.monotonic() - self.started, 1),
            "learning_rate": _learning_rate(self.step - 1, self.settings),
            "train_loss": float(np.mean(self.losses)) if self.losses else loss,
            **scores,
        }
        self.losses = []
        logger.info("%s", row)
        history = self.folder / "history.csv"
        if not history.exists():
            history.write_text(",".join(row) + "\n", encoding="utf-8")
        with history.open("a", encoding="utf-8") as file:
            file.write(",".join(f"{value:.6g}" for value in row.values()) + "\n")
        score = scores["mean_dsc"] + 0.25 * scores["clean"]
        if score > self.best:
            self.best = score
            _save(self.folder / "best.npz", _arrays(self.average.state_dict(), ""))
        self._save()

    def _validate(self, cases: Sequence[TrainingCase]) -> dict[str, float]:
        """DSC of shifted tumours, and volume marked in windows of tumour-free scans."""
        rng = np.random.default_rng(self.settings.seed)
        dsc, false_ml = [], []
        for case in cases:
            repeats = 1 if case.mask is not None else 24
            for _ in range(repeats):
                draw = draw_negative if case.mask is None else draw_positive
                hu, target = draw(case, rng, self.settings.window)
                with self.torch.no_grad():
                    logits, _ = self.average(self._tensor(hu[None, None]))
                found = (logits[0, 0].cpu().numpy() > 0) & (target != UNKNOWN)
                truth = target == 1
                if case.mask is None:
                    false_ml.append(np.count_nonzero(found) * 0.008)
                else:
                    both = np.count_nonzero(found & truth)
                    total = np.count_nonzero(found) + np.count_nonzero(truth)
                    dsc.append(2 * both / total if total else 1.0)
        return {
            "mean_dsc": float(np.mean(dsc)),
            "median_dsc": float(np.median(dsc)),
            "false_ml": float(np.mean(false_ml)) if false_ml else 0.0,
            "clean": float(np.mean(np.array(false_ml) < 0.1)) if false_ml else 1.0,
        }

    def _save(self) -> None:
        arrays = _arrays(self.network.state_dict(), "network/")
        arrays |= _arrays(self.average.state_dict(), "average/")
        for index, state in self.optimiser.state_dict()["state"].items():
            arrays |= _arrays(state, f"optimiser/{index}/")
        arrays["step"], arrays["best"] = np.array(self.step), np.array(self.best)
        arrays |= {f"hard/{name}": voxels for name, voxels in self.hard.items()}
        arrays["widths"] = np.array(self.settings.widths)
        _save(self.folder / "state.npz", arrays)

    def _resume(self) -> None:
        with np.load(self.folder / "state.npz", allow_pickle=False) as file:
            arrays = dict(file)
        if tuple(arrays["widths"]) != tuple(self.settings.widths):
            raise InputError(
                f"{self.folder}: state has widths {tuple(arrays['widths'].tolist())}, asked for"
                f" {self.settings.widths}; use another folder"
            )
        for network, prefix in ((self.network, "network/"), (self.average, "average/")):
            network.load_state_dict(_tensors(self.torch, arrays, prefix))
        optimiser = self.optimiser.state_dict()
        optimiser["state"] = {
            index: _tensors(self.torch, arrays, f"optimiser/{index}/")
            for index in range(len(list(self.network.parameters())))
        }
        self.optimiser.load_state_dict(optimiser)
        self.hard = {
            name.removeprefix("hard/"): array
            for name, array in arrays.items()
            if name.startswith("hard/")
        }
        self.step, self.best = int(arrays["step"]), float(arrays["best"])


def _learning_rate(step: int, settings: TrainSettings) -> float:
    warm = min(1.0, (step + 1) / 100)
    cosine = 0.5 * (1 + np.cos(np.pi * min(1.0, step / settings.steps)))
    return float(settings.learning_rate * warm * (0.01 + 0.99 * cosine))


def _loss(torch: Any, logits: Any, truth: Any, known: Any, progress: float) -> Any:
    """BCE plus soft Dice over the windows with tumour; Dice weighs more as training goes on.

    Voxels that are not known count in neither.
    """
    each = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    bce = (each * known).sum() / known.sum().clamp(min=1)
    axes = (1, 2, 3, 4)
    truth = truth * known
    with_tumour = truth.sum(axes) > 0
    if not bool(with_tumour.any()):
        return bce
    p, t = (torch.sigmoid(logits) * known)[with_tumour], truth[with_tumour]
    dice = (2 * (p * t).sum(axes) + 1) / (p.sum(axes) + t.sum(axes) + 1)
    return bce + (0.5 + 0.5 * progress) * (1 - dice.mean())


def _arrays(state: Any, prefix: str) -> dict[str, np.ndarray]:
    return {prefix + name: value.detach().cpu().numpy() for name, value in state.items()}


def _tensors(torch: Any, arrays: dict[str, np.ndarray], prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): torch.from_numpy(np.array(array))
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with atomic_path(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
