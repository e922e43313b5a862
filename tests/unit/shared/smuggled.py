"""Texts that try to smuggle something into a mail."""

SMUGGLED = (
    "=?utf-8?q?=0d=0aReply-To=3A_x@example.com=0d=0aContent-Type=3A_text/html=0d=0a=0d=0a<h1>Pay</h1>?="
)
