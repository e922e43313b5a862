"""Lists, sites, rounds, releases: the only place where two members' lists meet.

Owns       received lists, links from entries to sites, the pool, rounds, releases and their certificates
Consumes   list pages and manifests of members; participation-changed, signing-key-published; protocol-assessed
Publishes  list-received, list-released to members; round-opened, round-closed, release-published to all;
           release-page
"""
