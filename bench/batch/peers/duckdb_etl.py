"""The batch job in DuckDB: arguments INPUT OUTPUT_DIR THREADS."""

import sys

import duckdb

source, out, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
db = duckdb.connect()
db.execute(f"SET threads = {threads}; SET preserve_insertion_order = false; SET TimeZone = 'UTC'")
db.execute(
    f"""
    CREATE TABLE cleansed AS
    SELECT device_id, timestamp, any_value(temperature) AS temperature, any_value(humidity) AS humidity,
           any_value(status) AS status,
           any_value(temperature) >= 50 AS is_temp_alert, any_value(humidity) <= 25 AS is_humidity_alert,
           any_value(temperature) >= 50 OR any_value(humidity) <= 25 AS is_alert
    FROM read_json('{source}', format = 'newline_delimited', ignore_errors = true,
                   columns = {{device_id: 'VARCHAR', timestamp: 'TIMESTAMPTZ', temperature: 'DOUBLE',
                               humidity: 'DOUBLE', status: 'VARCHAR'}})
    WHERE device_id IS NOT NULL AND timestamp IS NOT NULL
      AND temperature BETWEEN -50 AND 120 AND humidity BETWEEN 0 AND 100
    GROUP BY device_id, timestamp
    """
)
db.execute(
    f"""COPY (FROM cleansed ORDER BY device_id, timestamp) TO '{out}/cleansed.parquet'
        (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"""
)
db.execute(
    f"""
    COPY (SELECT device_id, date_trunc('hour', timestamp) AS hour_bucket,
                 avg(temperature) AS temperature_avg, max(temperature) AS temperature_max,
                 min(temperature) AS temperature_min, avg(humidity) AS humidity_avg,
                 max(humidity) AS humidity_max, min(humidity) AS humidity_min,
                 count(*) FILTER (is_alert) AS alert_count, count(*) AS event_count
          FROM cleansed GROUP BY ALL ORDER BY ALL)
    TO '{out}/aggregates.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"""
)
