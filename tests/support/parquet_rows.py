#!/usr/bin/env python3
"""Prints the rows of a Parquet file as JSON, read by pyarrow: parquet_rows.py FILE"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "build/deps/arrow"))
import pyarrow.parquet

table = pyarrow.parquet.read_table(sys.argv[1])
print(json.dumps({"schema": [str(field.type) for field in table.schema], "rows": table.to_pylist()}))
