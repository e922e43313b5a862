"""Requests for reports: one request's life, its clocks, the recognition decision, audits avoided.

Owns       requests, their mails and links (hashes), decisions; who takes part and what lists hold, as read
Consumes   participation-changed, signing-key-published; release-page; upload-begun, upload-lapsed, report-received, report-stored,
           report-refused, report-read, access-withdrawn, access-renewed; mail-sent, mail-failed; report-asked, recognition-decided,
           request-withdrawn of members
Publishes  request-changed to services; request-status to the member; mail-asked
"""
