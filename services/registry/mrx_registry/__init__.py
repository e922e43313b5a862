"""Registry: who takes part, and who may speak to MRX.

Owns: members and their corporate groups, people and systems with their credentials, people's passwords and sessions,
the signing keys of tokens, the joint statement and its signatures, adoptions of public protocols, participation.
Consumes: `mrx.benchmark.protocol-assessed.v1` (who has passed step 1),
`mrx.benchmark.recognition-lapsed.v1` (whom a lapse touches),
`mrx.benchmark.assessment-moved.v1` (questions and their replies, by mail),
`mrx.notification.mail-sent.v1`, `mrx.notification.mail-failed.v1` (which one-time links hold).
Publishes: `mrx.registry.signing-key-published.v1`, `mrx.registry.member-admitted.v1`,
`mrx.registry.member-suspended.v1`, `mrx.registry.member-reinstated.v1`,
`mrx.registry.statement-published.v1`, `mrx.registry.statement-signed.v1`,
`mrx.registry.statement-withdrawn.v1`, `mrx.registry.protocol-adopted.v1`,
`mrx.registry.participation-changed.v1`, `mrx.registry.mail-asked.v1`.
"""
