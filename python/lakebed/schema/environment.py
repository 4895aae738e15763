"""Environments: variations of one schema, such as TRAINING with a label and SERVING without it.

The rule is TensorFlow Data Validation's: a feature is in an environment if its own `in_environment` names it; else it
is not if its `not_in_environment` names it; else it is if the schema declares the environment in its
`default_environment`. Without an environment every feature is in. Nothing here changes a schema.
"""

from __future__ import annotations

from typing import Any

from lakebed.errors import EnvironmentNotFoundError


def declared(schema: Any) -> list[str]:
    """List the environments that a schema declares.

    Args:
        schema: A `schema_pb2.Schema`.

    Returns:
        The names in `default_environment`, in the order of the schema.

    Example:
        >>> from lakebed.schema import proto
        >>> declared(proto.load().Schema(default_environment=["TRAINING", "SERVING"]))
        ['TRAINING', 'SERVING']
    """
    return list(schema.default_environment)


def require(schema: Any, environment: str) -> None:
    """Refuse an environment that the schema does not declare.

    An environment that is named only by a feature's `in_environment` is refused too, as TFDV does.

    Args:
        schema: A `schema_pb2.Schema`.
        environment: The name that was asked for.

    Raises:
        EnvironmentNotFoundError: The name is not in `default_environment`; the message lists the declared ones.

    Example:
        >>> from lakebed.schema import proto
        >>> require(proto.load().Schema(default_environment=["TRAINING"]), "NOPE")
        Traceback (most recent call last):
            ...
        lakebed.errors.EnvironmentNotFoundError: Environment NOPE not found in the schema. It declares: TRAINING. ...
    """
    known = declared(schema)
    if environment in known:
        return
    names = ", ".join(known) if known else "none"
    raise EnvironmentNotFoundError(
        f"Environment {environment} not found in the schema. It declares: {names}. "
        f"Use one of these, or declare it with with_default_environments()."
    )


def in_environment(schema: Any, feature: Any, environment: str | None) -> bool:
    """Tell whether a feature is expected in an environment.

    Args:
        schema: The `schema_pb2.Schema` that holds the feature.
        feature: A `schema_pb2.Feature`.
        environment: Name of the environment; None or "" means no environment, where every feature is expected.

    Returns:
        True if the feature belongs to the environment.

    Example:
        >>> from lakebed.schema import proto
        >>> schema = proto.load().Schema(default_environment=["TRAINING", "SERVING"])
        >>> label = proto.load().Feature(name="arr_delay", not_in_environment=["SERVING"])
        >>> [in_environment(schema, label, name) for name in ("TRAINING", "SERVING", None)]
        [True, False, True]
    """
    if not environment or environment in feature.in_environment:
        return True
    if environment in feature.not_in_environment:
        return False
    return environment in schema.default_environment


def environments_of(schema: Any, feature: Any) -> list[str]:
    """List the declared environments that a feature belongs to.

    Args:
        schema: The `schema_pb2.Schema` that holds the feature.
        feature: A `schema_pb2.Feature`.

    Returns:
        Names in the order of the schema.

    Example:
        >>> from lakebed.schema import proto
        >>> schema = proto.load().Schema(default_environment=["TRAINING", "SERVING"])
        >>> environments_of(schema, proto.load().Feature(name="x", not_in_environment=["SERVING"]))
        ['TRAINING']
    """
    return [name for name in declared(schema) if in_environment(schema, feature, name)]
