"""The batch job in pandas, which reads no file with malformed lines: json.loads for each line."""

import json
import sys

import pandas as pd

source, out = sys.argv[1], sys.argv[2]


def events():
    with open(source, "rb") as lines:
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                pass


frame = pd.DataFrame(events(), columns=["device_id", "timestamp", "temperature", "humidity", "status"])
frame = frame[frame["temperature"].between(-50, 120) & frame["humidity"].between(0, 100)].copy()
frame["timestamp"] = pd.to_datetime(frame["timestamp"], format="ISO8601", utc=True).astype("datetime64[us, UTC]")
frame = frame.drop_duplicates(["device_id", "timestamp"])
frame["is_temp_alert"] = frame["temperature"] >= 50
frame["is_humidity_alert"] = frame["humidity"] <= 25
frame["is_alert"] = frame["is_temp_alert"] | frame["is_humidity_alert"]
frame = frame.sort_values(["device_id", "timestamp"], ignore_index=True)
frame.to_parquet(f"{out}/cleansed.parquet", compression="zstd", compression_level=1, index=False)
hours = frame.groupby(["device_id", frame["timestamp"].dt.floor("h").rename("hour_bucket")])
aggregates = pd.DataFrame(
    {
        f"{metric}_{name}": getattr(hours[metric], function)()
        for metric in ("temperature", "humidity")
        for name, function in (("avg", "mean"), ("max", "max"), ("min", "min"))
    }
)
aggregates["alert_count"] = hours["is_alert"].sum()
aggregates["event_count"] = hours.size()
aggregates.reset_index().to_parquet(f"{out}/aggregates.parquet", compression="zstd", compression_level=1, index=False)
