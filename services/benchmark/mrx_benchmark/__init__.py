"""Benchmark: whether an audit protocol is equivalent to the common criteria of the scheme.

Owns: criteria catalogues and their versions, protocols, assessments, commonality, the recognition window
of a protocol version.
Consumes: `mrx.registry.signing-key-published.v1` (the keys of tokens), `mrx.registry.member-admitted.v1` (groups that
a reviewer may have a conflict of interest with).
Publishes: `mrx.benchmark.criteria-published.v1`, `mrx.benchmark.protocol-submitted.v1`,
`mrx.benchmark.protocol-assessed.v1`, `mrx.benchmark.assessment-moved.v1`, `mrx.benchmark.criteria-evolving.v1`,
`mrx.benchmark.recognition-ending.v1`, `mrx.benchmark.recognition-lapsed.v1`.
"""
