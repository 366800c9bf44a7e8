-- The deployment: its defaults, and a number that every committed change counts up.
CREATE TABLE deployment (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    region TEXT NOT NULL,
    class TEXT NOT NULL,
    frameworks TEXT NOT NULL -- a JSON list
) STRICT;

CREATE TABLE organizations (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    class TEXT NOT NULL,
    floor TEXT NOT NULL,
    regions TEXT, -- a JSON list; NULL: any
    frameworks TEXT NOT NULL, -- a JSON list
    margin_bp INTEGER NOT NULL CHECK (margin_bp >= 0),
    created TEXT NOT NULL,
    revoked TEXT
) STRICT;

CREATE TABLE roles (
    id TEXT PRIMARY KEY,
    org TEXT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    requests_per_minute INTEGER,
    tokens_per_minute INTEGER,
    concurrency INTEGER,
    revoked TEXT,
    UNIQUE (org, name),
    UNIQUE (id, org)
) STRICT;

CREATE TABLE agents (
    id TEXT PRIMARY KEY,
    org TEXT NOT NULL REFERENCES organizations (id),
    role TEXT,
    name TEXT NOT NULL,
    requests_per_minute INTEGER,
    tokens_per_minute INTEGER,
    concurrency INTEGER,
    revoked TEXT,
    UNIQUE (org, name),
    FOREIGN KEY (role, org) REFERENCES roles (id, org) -- a role of the same organization
) STRICT;

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    agent TEXT NOT NULL REFERENCES agents (id),
    kind TEXT NOT NULL CHECK (kind IN ('live', 'test')),
    public_id TEXT NOT NULL UNIQUE,
    tag BLOB NOT NULL CHECK (length(tag) = 32), -- the keyed hash of the secret, which is nowhere
    key_version INTEGER NOT NULL,
    region TEXT,
    class TEXT,
    floor TEXT NOT NULL,
    regions TEXT, -- a JSON list; NULL: all of the organization's
    networks TEXT NOT NULL, -- a JSON list; empty: any
    created TEXT NOT NULL,
    expires TEXT,
    revoked TEXT,
    label TEXT
) STRICT;

CREATE TABLE agreements (
    id TEXT PRIMARY KEY,
    org TEXT REFERENCES organizations (id),
    said TEXT NOT NULL -- the whole attestation, a JSON object
) STRICT;

CREATE TABLE credentials (
    id TEXT PRIMARY KEY,
    org TEXT REFERENCES organizations (id),
    provider TEXT NOT NULL,
    name TEXT NOT NULL,
    params TEXT NOT NULL, -- a JSON object
    hosts TEXT NOT NULL, -- a JSON list; empty: all of the provider's
    created TEXT NOT NULL,
    revoked TEXT,
    sealed BLOB NOT NULL -- ciphertext
) STRICT;

-- Each owner gives a name once among the keys of a provider. It is free again once its credential is revoked, so that a key can be replaced under the same name.
CREATE UNIQUE INDEX credentials_name ON credentials (coalesce(org, ''), provider, name) WHERE revoked IS NULL;
