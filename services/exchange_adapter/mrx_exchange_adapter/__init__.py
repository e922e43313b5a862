"""Exchange adapter: the channels by which a supplier's report comes, and the vault that it is read from.

Owns: page tokens (as hashes), upload tickets, quarantine, checks, vault, download links and who was given one;
connections to data-sharing platforms.
Consumes: `mrx.report_request.request-changed.v1`, `mrx.notification.mail-sent.v1`,
`mrx.notification.mail-failed.v1`, `mrx.registry.signing-key-published.v1`.
Publishes: `mrx.exchange_adapter.upload-begun.v1`, `mrx.exchange_adapter.upload-lapsed.v1`,
`mrx.exchange_adapter.report-received.v1`, `mrx.exchange_adapter.report-stored.v1`,
`mrx.exchange_adapter.report-refused.v1`, `mrx.exchange_adapter.report-read.v1`,
`mrx.exchange_adapter.access-withdrawn.v1`, `mrx.exchange_adapter.access-renewed.v1`.
"""
