#!/usr/bin/env python3
"""Time from an alert record's append to the first attempt at a webhook, without grouping.

  bench/notify_latency.py --binary build/release/tocsin [--alerts 500] [--rate 50]

Starts `up` with a webhook on this machine, lets one new device cross its threshold at a time and
compares the receiver's clock with the append times of iot.alerts. Prints one JSON object.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))


def percentile(values: list, share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "build/release/tocsin"))
    parser.add_argument("--alerts", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50, help="alerts a second")
    options = parser.parse_args()
    os.environ["TOCSIN_BINARY"] = os.path.abspath(options.binary)
    import driver
    from receiver import Receiver

    arrived = {}

    def answer(request, number):
        for alert in request.json["data"]["alerts"]:
            arrived.setdefault(alert["id"], time.time())
        return 200

    with Receiver(answer) as receiver, driver.Workspace(
        ALERT_WEBHOOK_URL=receiver.url, ALERT_ALLOW_HTTP="true", ALERT_ALLOW_NETWORKS="127.0.0.0/8",
        BATCH_INTERVAL="0",
    ) as work:  # fmt: skip
        process = work.start("up")
        driver.wait_for(lambda: (work.path / "data/tocsin.sock").exists(), what="the start of up")
        feeder = driver.subprocess.Popen(
            [driver.binary(), "ingest", "-", "--rate", str(options.rate)], cwd=work.path,
            env=work.environment(), stdin=driver.subprocess.PIPE, stdout=driver.subprocess.DEVNULL,
        )  # fmt: skip
        for number in range(options.alerts):
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            line = {"device_id": f"dev_{number}", "timestamp": stamp, "temperature": 60.0, "humidity": 50.0}
            feeder.stdin.write(json.dumps(line).encode() + b"\n")
            feeder.stdin.flush()
            time.sleep(1 / options.rate)
        feeder.stdin.close()
        feeder.wait()
        driver.wait_for(lambda: len(arrived) >= options.alerts, what="the last alert")
        process.terminate()
        process.communicate(timeout=30)
        appended = {json.loads(r.value)["id"]: r.timestamp_ms / 1000 for r in work.dump("iot.alerts")}
    waits = [(arrived[alert] - at) * 1000 for alert, at in appended.items() if alert in arrived]
    print(json.dumps({"alerts": len(waits), "rate": options.rate,
                      "p50_ms": round(percentile(waits, 0.5), 2), "p99_ms": round(percentile(waits, 0.99), 2),
                      "max_ms": round(max(waits), 2)}))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
