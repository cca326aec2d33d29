"""Markdown tables of what compare_peers.py has measured.

SPDX-License-Identifier: Apache-2.0
"""

import statistics

DECODE = "decode_tokens_per_second"
BANDWIDTH = "read_gigabytes_per_second"
PREFILL = "prefill_tokens_per_second"


def spread(values, digits=1):
    """Median (lowest to highest)."""
    low, high = min(values), max(values)
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def heading(*cells):
    row(*cells)
    row(*("---" for _ in cells))


class Results:
    """One entry of the JSON file that has sides."""

    def __init__(self, entry):
        self.parts = entry["parts"]
        self.of_side = entry["sides"]
        self.sides = list(self.of_side)

    def values(self, side, key, part=0, setting=None):
        """Of the given setting, or of the one with the best median."""
        runs = self.of_side[side]["runs"]
        if setting is None:
            setting = self.best_setting(side, key, part)
        return [one[part][key] for one in runs[setting]]

    def best_setting(self, side, key, part=0):
        return max(self.of_side[side]["runs"],
                   key=lambda setting: statistics.median(
                       self.values(side, key, part, setting)))

    def median(self, side, key, part=0):
        return statistics.median(self.values(side, key, part))

    def of_decode(self, side, key):
        """Median of the best setting for decode."""
        setting = self.best_setting(side, DECODE)
        return statistics.median(self.values(side, key, 0, setting))

    def shares(self, side, part=0):
        """Percent of the bandwidth around the same run: what a token reads,
        times tokens per second."""
        size = self.of_side[side]["bytes"]
        lengths = self.parts[part]
        position = lengths["prompt"] + lengths["answer"] / 2
        gigabytes = (size["weight_bytes"]
                     + size["kv_bytes_per_position"] * position) / 1e9
        setting = self.best_setting(side, DECODE, part)
        return [100 * gigabytes * speed / bandwidth for speed, bandwidth in
                zip(self.values(side, DECODE, part, setting),
                    self.values(side, BANDWIDTH, part, setting))]

    def describe_settings(self, side):
        names = [self.best_setting(side, key) for key in (PREFILL, DECODE)]
        return "; ".join(name.replace("--", "")
                         for name in dict.fromkeys(names))

    def peers(self):
        return [side for side in self.sides if not side.startswith("allm")]


def ratios(results, side, key):
    return ", ".join(
        f"{results.median(side, key) / results.median(peer, key):.2f} x {peer}"
        for peer in results.peers() if peer != side)


def print_speed(results):
    heading("side", "prefill, tokens/s", "decode, tokens/s",
            "share of read bandwidth, %", "load, s", "peak memory, MB",
            "setting")
    for side in results.sides:
        row(side, spread(results.values(side, PREFILL)),
            spread(results.values(side, DECODE)),
            spread(results.shares(side), 0),
            f"{results.of_decode(side, 'load_seconds'):.2f}",
            f"{results.of_decode(side, 'peak_memory_bytes') / 1e6:.0f}",
            results.describe_settings(side))
    print("\nread bandwidth, GB/s: "
          + spread([value for side in results.sides
                    for value in results.values(side, BANDWIDTH)]))
    for side in results.sides:
        if side.startswith("allm") and results.peers():
            print(f"\n{side}: prefill {ratios(results, side, PREFILL)}; "
                  f"decode {ratios(results, side, DECODE)}")


def print_pair(results, columns, factor):
    heading("side", *columns, "setting")
    for side in results.sides:
        # One setting for both: the best at the second.
        setting = results.best_setting(side, DECODE, 1)
        first, second = (results.values(side, DECODE, part, setting)
                         for part in (0, 1))
        row(side, spread(first), spread(second),
            spread([factor(a, b) for a, b in zip(first, second)], 2),
            setting.replace("--", ""))


def print_depth(results):
    near, far = (part["prompt"] for part in results.parts)
    print_pair(results,
               [f"decode behind {near}, tokens/s",
                f"behind {far}", "times slower"],
               lambda a, b: a / b)


def print_batch(results):
    count = results.parts[1]["sequences"]
    print_pair(results,
               ["decode of one, tokens/s", f"of {count} together",
                "times more"],
               lambda a, b: b / a)


def print_start(entry):
    heading("start to first byte, s", "peak memory, MB", "beyond the file, MB")
    row(spread(entry["seconds"], 3),
        spread([n / 1e6 for n in entry["peak_memory_bytes"]], 0),
        spread([(n - entry["file_bytes"]) / 1e6
                for n in entry["peak_memory_bytes"]], 0))


def ratio_cell(results, side, kind, key):
    """Against the peer of that kind, by medians."""
    for peer in results.peers():
        if peer.startswith(kind):
            return f"{results.median(side, key) / results.median(peer, key):.2f}"
    return "-"


def print_summary(entries):
    """A row for each model that allm decoded in a test of speed."""
    print("\n### Against the peers\n")
    heading("model", "prefill / llama.cpp", "decode / llama.cpp",
            "prefill / mlx-lm", "decode / mlx-lm",
            "share of read bandwidth, %")
    for title, entry in entries.items():
        if entry["test"] != "speed":
            continue
        results = Results(entry)
        for side in results.sides:
            if not side.startswith("allm"):
                continue
            row(f"{title.removesuffix(': speed')} ({side})",
                *(ratio_cell(results, side, kind, key)
                  for kind in ("llama.cpp", "mlx-lm")
                  for key in (PREFILL, DECODE)),
                f"{statistics.median(results.shares(side)):.0f}")


def print_all(entries):
    if any(entry["test"] == "speed" for entry in entries.values()):
        print_summary(entries)
    for title, entry in entries.items():
        print(f"\n### {title}\n")
        if entry["test"] == "start":
            print_start(entry)
        else:
            {"speed": print_speed, "depth": print_depth,
             "batch": print_batch}[entry["test"]](Results(entry))
