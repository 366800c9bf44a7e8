-- Routes that answered from elsewhere than planned, until an operator accepts them.
CREATE TABLE withdrawn (
    route TEXT PRIMARY KEY NOT NULL,
    since TEXT NOT NULL
) STRICT;
