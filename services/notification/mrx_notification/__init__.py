"""Notification: e-mails to suppliers, members and whoever signs in, in their language.

Owns: mails to send and sent, the hashes of the tokens in their links, the templates and catalogues.
Consumes: `mrx.report_request.mail-asked.v1`, `mrx.registry.mail-asked.v1` (a mail is due),
`mrx.registry.signing-key-published.v1` (the keys of tokens).
Publishes: `mrx.notification.mail-sent.v1`, `mrx.notification.mail-failed.v1`.
"""
