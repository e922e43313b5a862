"""Benchmark: whether an audit protocol is equivalent to the common criteria of the scheme.

Owns: criteria catalogues and their versions, protocols, assessments, commonality, the recognition window
of a protocol version.
Consumes: `mrx.registry.signing-key-published.v1` (the keys of tokens).
Publishes: `mrx.benchmark.criteria-published.v1`, `mrx.benchmark.protocol-submitted.v1`,
`mrx.benchmark.protocol-assessed.v1`.
"""
