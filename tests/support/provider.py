"""A small OpenID provider on this machine, with people of its own.

It asks for no password: whoever sees its page chooses who to be. Discovery, authorization code with PKCE, RS256,
sign-out.
"""

from __future__ import annotations

import base64
import hashlib
import html
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

import uvicorn
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CODE_SECONDS = 60
_SIGNED_IN = "provider_signed_in"
_PAGE = """<!doctype html><meta name=viewport content="width=device-width"><title>Provider</title>
<body style="font: 1.1rem system-ui; max-width: 24rem; margin: 4rem auto"><h1>{title}</h1>{body}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account at the provider. `claims` are added to the usual ones, or replace them."""

    subject: str
    name: str
    email: str
    groups: tuple[str, ...] = ()
    claims: dict[str, Any] = field(default_factory=dict)

    def said(self) -> dict[str, Any]:
        usual = {"name": self.name, "email": self.email, "email_verified": True, "groups": list(self.groups)}
        return {"sub": self.subject, **usual, **self.claims}


PEOPLE = (
    Person(subject="1", name="Ada Lovelace", email="ada@example.com", groups=("app-admins",)),
    Person(subject="2", name="Bob Martin", email="bob@example.com"),
    Person(subject="3", name="Eve Stranger", email="eve@elsewhere.example"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Code:
    person: Person
    asked: dict[str, str]
    until: float


class Provider:
    """Serves one client: the app at `at`, such as `http://localhost:8501`, with its base path."""

    def __init__(self, people: tuple[Person, ...], *, at: str) -> None:
        self._people = {person.subject: person for person in people}
        self.at = at
        self._key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, Person] = {}
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://localhost:{self._socket.getsockname()[1]}"
        self.client_id, self.client_secret = "app", secrets.token_urlsafe()
        self.sign: Callable[[dict[str, Any]], str] = self._sign
        """Makes an id token of what it says. Put another in its place for a provider that isn't one."""
        self.away = False
        """While it is, everything is answered by an error."""

    @property
    def _redirect(self) -> str:
        return f"{self.at}/oauth2callback"

    def secrets_toml(self) -> str:
        """Return what describes this provider to Streamlit."""
        values = {
            "redirect_uri": self._redirect,
            "cookie_secret": secrets.token_hex(),
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "server_metadata_url": f"{self.address}/.well-known/openid-configuration",
        }
        return "[auth]\n" + "".join(f'{name} = "{value}"\n' for name, value in values.items())

    @contextmanager
    def serving(self) -> Iterator[Provider]:
        """Answer in a thread of its own, until the end of the block."""
        server = self._server()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [self._socket]})
        thread.start()
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join()

    def _server(self) -> uvicorn.Server:
        routes = [
            Route("/.well-known/openid-configuration", self._metadata),
            Route("/jwks", self._jwks),
            Route("/authorize", self._authorize),
            Route("/chosen", self._chosen),
            Route("/token", self._token, methods=["POST"]),
            Route("/userinfo", self._userinfo),
            Route("/logout", self._logout),
        ]
        return uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="warning"))

    async def _metadata(self, _request: Request) -> Response:
        if self.away:
            return Response(status_code=503)
        endpoints = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "userinfo_endpoint": "userinfo",
            "jwks_uri": "jwks",
            "end_session_endpoint": "logout",
        }
        capable = {
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "email", "profile"],
        }
        found = {name: f"{self.address}/{path}" for name, path in endpoints.items()}
        return JSONResponse({"issuer": self.address, **found, **capable})

    async def _jwks(self, _request: Request) -> Response:
        return JSONResponse(KeySet([self._key]).as_dict(private=False))

    async def _authorize(self, request: Request) -> Response:
        """The page with a button per person. Nobody is sent away to an address that isn't the client's."""
        asked = request.query_params
        if asked.get("client_id") != self.client_id or asked.get("redirect_uri") != self._redirect:
            return HTMLResponse(_PAGE.format(title="Unknown client", body=""), status_code=400)
        if asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256":
            return self._back({"error": "invalid_request", "error_description": "Code with S256 is wanted"}, asked)
        fields = "".join(
            f'<input type=hidden name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in asked.items()
        )
        buttons = "".join(
            f'<p><button name=person value="{html.escape(person.subject)}">{html.escape(person.name)}</button>'
            for person in self._people.values()
        )
        known = self._people.get(request.cookies.get(_SIGNED_IN, ""))
        here = f"<p>Signed in here as {html.escape(known.name)}." if known else ""
        body = f"{here}<form action=/chosen>{fields}{buttons}<p><button name=person value=''>Cancel</button></form>"
        return HTMLResponse(_PAGE.format(title="Who are you?", body=body))

    async def _chosen(self, request: Request) -> Response:
        asked = dict(request.query_params)
        person = self._people.get(asked.pop("person", ""))
        if asked.get("redirect_uri") != self._redirect:
            return Response(status_code=400)
        if person is None:
            return self._back({"error": "access_denied", "error_description": "The person cancelled"}, asked)
        code = secrets.token_urlsafe()
        self._codes[code] = _Code(person=person, asked=asked, until=time.monotonic() + CODE_SECONDS)
        answer = self._back({"code": code}, asked)
        answer.set_cookie(_SIGNED_IN, person.subject, httponly=True, samesite="lax")
        return answer

    async def _token(self, request: Request) -> Response:
        """Exchange a code, once, for an id token."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        code = self._codes.pop(form.get("code", ""), None)
        expected = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if self.away or not secrets.compare_digest(request.headers.get("authorization", ""), f"Basic {expected}"):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        if (
            code is None
            or code.until < time.monotonic()
            or form.get("redirect_uri") != self._redirect
            or code.asked["code_challenge"] != _s256(form.get("code_verifier", ""))
        ):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now, access = int(time.time()), secrets.token_urlsafe()
        self._access[access] = code.person
        about = {"iss": self.address, "aud": self.client_id, "iat": now, "exp": now + 600, "nonce": code.asked["nonce"]}
        answer = {
            "id_token": self.sign({**about, **code.person.said()}),
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": 600,
        }
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    def _sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims, self._key)

    async def _userinfo(self, request: Request) -> Response:
        person = self._access.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        return JSONResponse(person.said()) if person else Response(status_code=401)

    async def _logout(self, request: Request) -> Response:
        """Forget who is signed in here. Like strict providers, it goes back only with a valid id token."""
        asked = request.query_params
        try:
            jwt.decode(asked.get("id_token_hint", ""), self._key, algorithms=["RS256"])
        except (JoseError, ValueError):
            return Response("An id token of mine is wanted.", status_code=400)
        if asked.get("post_logout_redirect_uri") != self._redirect:
            return Response(status_code=400)
        answer = RedirectResponse(self._redirect, status_code=302)
        answer.delete_cookie(_SIGNED_IN)
        return answer

    def _back(self, said: dict[str, str], asked: Any) -> RedirectResponse:
        query = urlencode({**said, "state": asked.get("state", "")})
        return RedirectResponse(f"{self._redirect}?{query}", status_code=302)


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
