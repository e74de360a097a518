"""Configurations that tests use, each with the model's form of it."""

from oracle import Config, Metric

REAL_DATA_METRICS = (
    Metric("temperature", -40, 85),
    Metric("humidity", 0, 100),
    Metric("co", 0, 1, required=False),
    Metric("lpg", 0, 1, required=False),
    Metric("smoke", 0, 1, required=False),
    Metric("light", 0, 1, required=False, is_bool=True),
    Metric("motion", 0, 1, required=False, is_bool=True),
)
REAL_DATA = Config(metrics=REAL_DATA_METRICS)

LIGHT_YAML = """\
metrics:
  - {name: light, unit: lux, min: 0, max: 100000, required: true}
  - {name: voltage, unit: V, min: 1.5, max: 3.7, required: false}
  - {name: open, type: bool, required: false}
"""
LIGHT = Config(
    metrics=(
        Metric("light", 0, 100000),
        Metric("voltage", 1.5, 3.7, required=False),
        Metric("open", 0, 1, required=False, is_bool=True),
    )
)

OPTIONAL_YAML = """\
metrics:
  - {name: temperature, unit: "°C", min: -50, max: 120, required: false}
  - {name: humidity, unit: "%", min: 0, max: 100, required: false}
  - {name: co2, unit: ppm, min: 0, max: 40000, required: false}
"""
OPTIONAL = Config(
    metrics=(
        Metric("temperature", -50, 120, required=False),
        Metric("humidity", 0, 100, required=False),
        Metric("co2", 0, 40000, required=False),
    )
)
