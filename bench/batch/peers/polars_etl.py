"""The batch job in Polars: arguments INPUT OUTPUT_DIR THREADS (by POLARS_MAX_THREADS)."""

import os
import sys

source, out, threads = sys.argv[1], sys.argv[2], sys.argv[3]
os.environ["POLARS_MAX_THREADS"] = threads

import polars as pl  # noqa: E402

# A line that is no JSON ends scan_ndjson(), so the lines are taken apart here.
EVENT = (
    r'^\{"device_id":"(?<device_id>[^"\\]+)","timestamp":"(?<timestamp>[^"]+)",'
    r'"temperature":(?<temperature>[-0-9.eE+]+),"humidity":(?<humidity>[-0-9.eE+]+),"status":"(?<status>[^"\\]*)"\}$'
)
cleansed = (
    pl.scan_lines(source, name="line")
    .select(pl.col("line").str.extract_groups(EVENT).struct.unnest())
    .with_columns(pl.col("temperature", "humidity").cast(pl.Float64, strict=False))
    .filter(
        pl.col("device_id").is_not_null()
        & pl.col("temperature").is_between(-50, 120)
        & pl.col("humidity").is_between(0, 100)
    )
    .with_columns(pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f%z", time_unit="us", strict=False))
    .filter(pl.col("timestamp").is_not_null())
    .unique(subset=["device_id", "timestamp"], keep="any")
    .with_columns(
        is_temp_alert=pl.col("temperature") >= 50,
        is_humidity_alert=pl.col("humidity") <= 25,
        is_alert=(pl.col("temperature") >= 50) | (pl.col("humidity") <= 25),
    )
    .sort("device_id", "timestamp")
    .collect(engine="streaming")
)
cleansed.write_parquet(f"{out}/cleansed.parquet", compression="zstd", compression_level=1)
aggregates = (
    cleansed.lazy()
    .group_by("device_id", pl.col("timestamp").dt.truncate("1h").alias("hour_bucket"))
    .agg(
        temperature_avg=pl.col("temperature").mean(),
        temperature_max=pl.col("temperature").max(),
        temperature_min=pl.col("temperature").min(),
        humidity_avg=pl.col("humidity").mean(),
        humidity_max=pl.col("humidity").max(),
        humidity_min=pl.col("humidity").min(),
        alert_count=pl.col("is_alert").sum().cast(pl.Int64),
        event_count=pl.len().cast(pl.Int64),
    )
    .sort("device_id", "hour_bucket")
    .collect(engine="streaming")
)
aggregates.write_parquet(f"{out}/aggregates.parquet", compression="zstd", compression_level=1)
