#!/usr/bin/env python3
"""The tables of a comparison, from made-up measurements.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import io
import unittest

import peer_tables


def result(prefill, decode, bandwidth=40.0):
    return {peer_tables.PREFILL: prefill, peer_tables.DECODE: decode,
            peer_tables.BANDWIDTH: bandwidth, "load_seconds": 1.0,
            "peak_memory_bytes": 5e8}


def side(runs):
    return {"bytes": {"weight_bytes": 10 ** 9, "kv_bytes_per_position": 1000},
            "runs": runs}


def speed_entry():
    return {"test": "speed",
            "parts": [{"prompt": 500, "answer": 0, "sequences": 1}],
            "sides": {
                "allm": side({"--threads 1": [[result(900, 10)]] * 3,
                              "--threads 2": [[result(400, 30)],
                                              [result(500, 20)],
                                              [result(100, 40)]]}),
                "llama.cpp": side({"--threads 2": [[result(300, 15)]]})}}


def printed(function, *arguments):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        function(*arguments)
    return text.getvalue()


class Tables(unittest.TestCase):
    def test_each_measure_takes_the_setting_with_the_best_median(self):
        results = peer_tables.Results(speed_entry())
        self.assertEqual(results.median("allm", peer_tables.PREFILL), 900)
        self.assertEqual(results.median("allm", peer_tables.DECODE), 30)
        self.assertEqual(results.describe_settings("allm"),
                         "threads 1; threads 2")

    def test_share_counts_weights_and_cached_positions(self):
        results = peer_tables.Results(speed_entry())
        # (1 GB + 500 positions of 1 kB) x tokens/s of 40 GB/s
        expected = [100 * 1.0005 * speed / 40 for speed in (30, 20, 40)]
        for share, wanted in zip(results.shares("allm"), expected):
            self.assertAlmostEqual(share, wanted)

    def test_summary_gives_ratios_of_medians(self):
        text = printed(peer_tables.print_summary, {"m: speed": speed_entry()})
        self.assertIn("| m (allm) | 3.00 | 2.00 | - | - | 75 |", text)

    def test_depth_compares_the_runs_of_one_round(self):
        entry = {"test": "depth",
                 "parts": [{"prompt": 128, "answer": 8, "sequences": 1},
                           {"prompt": 4096, "answer": 8, "sequences": 1}],
                 "sides": {"allm": side({"--threads 2": [
                     [result(1, 40), result(1, 20)],
                     [result(1, 60), result(1, 20)],
                     [result(1, 50), result(1, 50)]]})}}
        text = printed(peer_tables.print_all, {"m: depth": entry})
        self.assertIn("2.00 (1.00 to 3.00)", text)
        self.assertNotIn("Against the peers", text)


if __name__ == "__main__":
    unittest.main()
