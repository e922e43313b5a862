"""Member: the member's side of the scheme; it runs at the member, and nothing of it at the Secretariat.

Owns: the member's own folder: what it published and asked, its receipts, the releases that it fetched.
Consumes: `mrx.aggregation.list-received.v1`, `mrx.aggregation.list-released.v1`,
`mrx.report_request.request-status.v1`.
Publishes: `mrx.member.list-page.v1`, `mrx.member.list-manifest.v1`, `mrx.member.report-asked.v1`,
`mrx.member.recognition-decided.v1`, `mrx.member.request-withdrawn.v1`.
"""
