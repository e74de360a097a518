"""The batch job in ClickHouse (chdb): arguments INPUT OUTPUT_DIR THREADS."""

import sys

from chdb import session

source, out, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
db = session.Session()
db.query("CREATE DATABASE batch ENGINE = Atomic")
# A line that is no JSON can end JSONEachRow, which looks for the end of objects over line ends.
settings = (
    f"SETTINGS max_threads = {threads}, "
    "prefer_column_name_to_alias = 1, "
    "output_format_parquet_compression_method = 'zstd', output_format_compression_level = 1, "
    "engine_file_truncate_on_insert = 1"
)
db.query(
    f"""
    CREATE TABLE batch.cleansed ENGINE = Memory AS
    SELECT device_id, timestamp, any(temperature) AS temperature, any(humidity) AS humidity, any(status) AS status
    FROM (
        SELECT JSONExtract(line, 'Tuple(device_id Nullable(String), timestamp Nullable(String), temperature Nullable(Float64),
                                        humidity Nullable(Float64), status Nullable(String))') AS event,
               event.1 AS device_id, parseDateTime64BestEffortOrNull(event.2, 6, 'UTC') AS timestamp,
               event.3 AS temperature, event.4 AS humidity, event.5 AS status
        FROM file('{source}', LineAsString, 'line String')
    )
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
