"""A service account of our own, and a token endpoint for it on loopback."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from support_server import Server, http

PROJECT = "acme-project"
TOKENS = [f"ya29.token-number-{number}" for number in range(9)]


@cache
def private_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def service_account(path: Path, token_uri: str, **more: Any) -> Path:
    """Write the file of a service account that asks this address for its tokens."""
    account = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": private_key(),
        "client_email": "robot@acme-project.iam.gserviceaccount.com",
        "token_uri": token_uri,
    }
    path.write_text(json.dumps({**account, **more}))
    return path


def granted(token: str, seconds: int = 3600) -> bytes:
    """The answer of the token endpoint."""
    return http({"access_token": token, "expires_in": seconds, "token_type": "Bearer"})


def refused(**words: str) -> bytes:
    """Its answer to credentials that it does not know."""
    return http({"error": "invalid_grant", "error_description": "Invalid JWT Signature.", **words}, status=400)


def grants(endpoint: Server) -> list[dict[str, list[str]]]:
    """What the endpoint was asked for."""
    return [parse_qs(request.body.decode()) for request in endpoint.requests]
