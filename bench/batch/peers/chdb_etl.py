"""The batch job in ClickHouse (chdb): arguments INPUT OUTPUT_DIR THREADS."""

import sys

from chdb import session

source, out, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
db = session.Session()
db.query("CREATE DATABASE batch ENGINE = Atomic")
settings = (
    f"SETTINGS max_threads = {threads}, input_format_allow_errors_ratio = 1, input_format_allow_errors_num = 1000000000, "
    "date_time_input_format = 'best_effort', input_format_null_as_default = 0, "
    "output_format_parquet_compression_method = 'zstd', output_format_compression_level = 1, "
    "engine_file_truncate_on_insert = 1"
)
db.query(
    f"""
    CREATE TABLE batch.cleansed ENGINE = Memory AS
    SELECT device_id, timestamp, any(temperature) AS temperature, any(humidity) AS humidity, any(status) AS status
    FROM file('{source}', JSONEachRow,
              'device_id Nullable(String), timestamp Nullable(DateTime64(6, \\'UTC\\')), temperature Nullable(Float64), humidity Nullable(Float64), status Nullable(String)')
    WHERE device_id IS NOT NULL AND timestamp IS NOT NULL
      AND temperature BETWEEN -50 AND 120 AND humidity BETWEEN 0 AND 100
    GROUP BY device_id, timestamp {settings}
    """
)
db.query(
    f"""
    INSERT INTO FUNCTION file('{out}/cleansed.parquet', Parquet)
    SELECT *, temperature >= 50 AS is_temp_alert, humidity <= 25 AS is_humidity_alert,
           temperature >= 50 OR humidity <= 25 AS is_alert
    FROM batch.cleansed ORDER BY device_id, timestamp {settings}
    """
)
db.query(
    f"""
    INSERT INTO FUNCTION file('{out}/aggregates.parquet', Parquet)
    SELECT device_id, toDateTime64(toStartOfHour(timestamp), 6, 'UTC') AS hour_bucket, avg(temperature) AS temperature_avg,
           max(temperature) AS temperature_max, min(temperature) AS temperature_min, avg(humidity) AS humidity_avg,
           max(humidity) AS humidity_max, min(humidity) AS humidity_min,
           countIf(temperature >= 50 OR humidity <= 25) AS alert_count, count() AS event_count
    FROM batch.cleansed GROUP BY device_id, hour_bucket ORDER BY device_id, hour_bucket {settings}
    """
)
