"""Fields and numbers of `ml_metadata/simple_types/proto/simple_types.proto`, as ML Metadata 1.17.1 has them.

The notation is that of `lakebed.metadata.messages.metadata_store`.
"""

from __future__ import annotations

DEFINITION = """\
message SimpleTypes
  1 artifact_types repeated ArtifactType
  2 execution_types repeated ExecutionType
  3 context_types repeated ContextType
"""
