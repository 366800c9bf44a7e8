-- Times are microseconds since 1970, in UTC. Sets are JSON arrays of words. Secrets are never here: tags of tokens are
-- keyed hashes, and provider keys are sealed by the vault.

-- One row: the defaults that `phi init` was told, and a version that counts up with every change.
CREATE TABLE deployment (
    version    INTEGER NOT NULL,
    region     TEXT NOT NULL,
    class      TEXT NOT NULL,
    frameworks TEXT NOT NULL
) STRICT;

CREATE TABLE org (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    region     TEXT NOT NULL,
    class      TEXT NOT NULL,
    floor      TEXT NOT NULL,
    regions    TEXT,
    frameworks TEXT NOT NULL,
    margin_bp  INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    revoked    INTEGER
) STRICT;

CREATE TABLE role (
    id                  TEXT PRIMARY KEY,
    org                 TEXT NOT NULL REFERENCES org (id),
    name                TEXT NOT NULL,
    requests_per_minute INTEGER,
    tokens_per_minute   INTEGER,
    concurrency         INTEGER,
    UNIQUE (org, name)
) STRICT;

CREATE TABLE agent (
    id                  TEXT PRIMARY KEY,
    org                 TEXT NOT NULL REFERENCES org (id),
    role                TEXT REFERENCES role (id),
    name                TEXT NOT NULL,
    requests_per_minute INTEGER,
    tokens_per_minute   INTEGER,
    concurrency         INTEGER,
    revoked             INTEGER,
    UNIQUE (org, name)
) STRICT;

CREATE TABLE token (
    id          TEXT PRIMARY KEY,
    agent       TEXT NOT NULL REFERENCES agent (id),
    kind        TEXT NOT NULL,
    public_id   TEXT NOT NULL UNIQUE,
    tag         BLOB NOT NULL,
    key_version INTEGER NOT NULL,
    region      TEXT,
    class       TEXT,
    floor       TEXT NOT NULL,
    regions     TEXT,
    networks    TEXT NOT NULL,
    label       TEXT,
    created     INTEGER NOT NULL,
    expires     INTEGER,
    revoked     INTEGER
) STRICT;

-- An agreement is kept as the document of its fields: nothing is ever looked up by one of them.
CREATE TABLE agreement (
    id   TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE credential (
    id       TEXT PRIMARY KEY,
    org      TEXT REFERENCES org (id),
    provider TEXT NOT NULL,
    name     TEXT NOT NULL,
    params   TEXT NOT NULL,
    hosts    TEXT NOT NULL,
    created  INTEGER NOT NULL,
    revoked  INTEGER,
    bytes    BLOB NOT NULL
) STRICT;
