"""Measure retargeting against dex-retargeting on real keypoints, in one run.

Prints fingertip error and time per frame of both, on the same targets; the module
unihm.evaluation.retarget says exactly what is compared. The baseline is no dependency:
`pip install dex-retargeting==0.5.0 six` brings it.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--against", choices=["dex-retargeting"], default="dex-retargeting")
    parser.add_argument(
        "--keypoints", type=Path, nargs="+", required=True, help="npz files with (T, 21, 3)"
    )
    parser.add_argument("--hands", nargs="+", help="default: allegro shadow inspire leap")
    parser.add_argument("--preset", default="tiny", help="configuration (default: tiny)")
    parser.add_argument("--json", type=Path, help="write the figures there")


def run(args: argparse.Namespace) -> None:
    """Measure and print."""
    from unihm.config import load_section
    from unihm.evaluation.retarget import HANDS, measure, summarise
    from unihm.files import write_json
    from unihm.retargeting.keypoints import read_keypoints
    from unihm.retargeting.retargeter import RetargetingConfig

    config = load_section(args.preset, "retargeting", RetargetingConfig)
    print(f"{'':38}{'fingertip error, mm':^32}{'microseconds per frame':^32}")
    print(
        f"{'hand':14}{'sequence':24}{'unihm':>8}{'stream':>8}{'dex':>8}{'corr.':>8}"
        f"{'batch':>8}{'stream':>8}{'dex':>8}{'faster':>14}"
    )
    rows = []
    for path in args.keypoints:
        for name, keypoints in read_keypoints(path).items():
            for hand in args.hands or HANDS:
                row = measure(hand, f"{path.stem}:{name}", keypoints, config)
                rows.append(row)
                print(
                    f"{row.hand:14}{row.sequence[-23:]:24}{row.error_mm:8.2f}"
                    f"{row.error_stream_mm:8.2f}{row.error_dex_mm:8.2f}"
                    f"{row.error_corrected_mm:8.2f}{row.batch_us:8.0f}{row.stream_us:8.0f}"
                    f"{row.dex_us:8.0f}{row.speedup_batch:7.1f}x{row.speedup_stream:5.1f}x"
                )
    figures = summarise(rows)
    print(
        f"Fingertip error no worse everywhere: {figures['fingertip_error_no_worse']}; at least "
        f"{figures['speedup_batch_min']:.1f} times faster in batch, "
        f"{figures['speedup_stream_min']:.1f} times in streaming."
    )
    if args.json:
        write_json(args.json, figures)
