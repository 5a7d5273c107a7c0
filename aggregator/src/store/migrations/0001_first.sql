-- Times: microseconds since the Unix epoch, UTC (`_us`). Hashes and keys: raw bytes.

-- Facts about the store itself; one row.
CREATE TABLE store (
    only INTEGER PRIMARY KEY CHECK (only = 1), -- there is one row
    id BLOB NOT NULL,                          -- 16 random bytes, new for every new store; told to agents in each Ack
    created_us INTEGER NOT NULL,               -- when the store was made
    probed_us INTEGER NOT NULL                 -- when writing was last tried for the sake of trying
) STRICT;

-- The boxes that were enrolled.
CREATE TABLE agent (
    id TEXT PRIMARY KEY,                  -- slug; chosen by whoever made the invite
    signing_key BLOB NOT NULL,            -- Ed25519 public key, 32 bytes; batches are signed with it
    certificate_sha256 BLOB NOT NULL,     -- of the client certificate that was issued last
    mqtt_secret_sha256 BLOB NOT NULL,     -- of the MQTT password
    software TEXT NOT NULL,               -- name and version, as the agent last told
    created_us INTEGER NOT NULL,          -- when it was first enrolled
    revoked_us INTEGER,                   -- since when it may not talk to us; null: it may
    seen_us INTEGER,                      -- when it was last heard, to about a minute; null: never
    epoch INTEGER,                        -- of its newest process start (bits of the wire's fixed64); null: never said hello
    cursor INTEGER NOT NULL               -- of the last change of this row
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX agent_certificate ON agent (certificate_sha256);
CREATE INDEX agent_cursor ON agent (cursor);

-- One-time codes for enrolment.
CREATE TABLE invite (
    code_sha256 BLOB PRIMARY KEY, -- the code itself is not kept
    agent TEXT NOT NULL,          -- the id its user will get
    created_us INTEGER NOT NULL,  -- when it was made
    expires_us INTEGER NOT NULL,  -- from then on it is worth nothing
    used_us INTEGER               -- when it was used; null: not yet
) STRICT, WITHOUT ROWID;

-- How far each stream of items is stored: the receiver's mark.
CREATE TABLE stream (
    agent TEXT NOT NULL,       -- whose
    epoch INTEGER NOT NULL,    -- process start (bits of the wire's fixed64)
    lane INTEGER NOT NULL,     -- 0 to 4
    up_to INTEGER NOT NULL,    -- everything at or below is stored, or was declared lost
    chain BLOB,                -- hash chain value after the item `up_to`, 32 bytes; null: not known, after a loss
    announced INTEGER NOT NULL, -- the agent's next number, as its last hello said; 0: it never named the stream
    changed_us INTEGER NOT NULL, -- when the mark last moved
    PRIMARY KEY (agent, epoch, lane)
) STRICT, WITHOUT ROWID;

-- What happened. Rows never change.
CREATE TABLE event (
    cursor INTEGER PRIMARY KEY,    -- order of commits, shared with agent, camera and alert
    id BLOB NOT NULL UNIQUE,       -- UUIDv7, 16 bytes
    agent TEXT NOT NULL,           -- who signed it
    camera TEXT NOT NULL,          -- unique within the agent
    rule TEXT NOT NULL,            -- the rule's name; `camera` for camera_signal
    kind INTEGER NOT NULL,         -- number of vong.v1.Kind
    phase INTEGER NOT NULL,        -- number of vong.v1.Phase
    severity INTEGER NOT NULL,     -- number of vong.v1.Severity
    episode INTEGER NOT NULL,      -- pairs begin, change, end (bits of a uint64); 0 for instant
    captured_us INTEGER NOT NULL,  -- capture time of the frame that showed it
    stored_us INTEGER NOT NULL,    -- when this row was written
    epoch INTEGER NOT NULL,        -- stream that brought it, with lane and seq
    lane INTEGER NOT NULL,         -- 0 to 4
    seq INTEGER NOT NULL,          -- number in that stream, from 1
    item BLOB NOT NULL             -- encoded vong.v1.Item, byte for byte as it was signed
) STRICT;
CREATE INDEX event_camera ON event (agent, camera, cursor);
CREATE INDEX event_kind ON event (agent, camera, kind, captured_us);
CREATE INDEX event_severe ON event (cursor) WHERE severity >= 3;
CREATE INDEX event_stored ON event (stored_us);

-- Numbers that will never come, as the agent declared.
CREATE TABLE gap (
    agent TEXT NOT NULL,           -- whose
    epoch INTEGER NOT NULL,        -- stream, with lane
    lane INTEGER NOT NULL,         -- 0 to 4
    from_seq INTEGER NOT NULL,     -- first number lost
    to_seq INTEGER NOT NULL,       -- last number lost
    reason TEXT NOT NULL,          -- full, damaged, rollback or forgotten
    declared_us INTEGER NOT NULL,  -- when we were told
    PRIMARY KEY (agent, epoch, lane, from_seq)
) STRICT, WITHOUT ROWID;

-- What the agents' cameras are and watch, as last told.
CREATE TABLE camera (
    agent TEXT NOT NULL,            -- whose
    id TEXT NOT NULL,               -- slug, unique within the agent
    name TEXT NOT NULL,             -- for people
    width INTEGER NOT NULL,         -- of the picture, in pixels; 0: not known yet
    height INTEGER NOT NULL,        -- of the picture, in pixels; 0: not known yet
    rules TEXT NOT NULL,            -- JSON array of rule shapes, as the REST API shows them
    config_version TEXT NOT NULL,   -- of the agent's configuration that says so
    removed INTEGER NOT NULL,       -- 1: no longer configured
    snapshot_sha256 BLOB,           -- its newest regular picture; null: none yet
    snapshot_us INTEGER,            -- capture time of that picture
    snapshot_masked INTEGER,        -- 1: faces and plates are not readable in it
    cursor INTEGER NOT NULL,        -- of the last change of this row
    PRIMARY KEY (agent, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX camera_cursor ON camera (cursor);
CREATE INDEX camera_snapshot ON camera (snapshot_sha256);

-- How many are in each zone now.
CREATE TABLE occupancy (
    agent TEXT NOT NULL,    -- whose
    camera TEXT NOT NULL,   -- unique within the agent
    rule TEXT NOT NULL,     -- the zone's name
    value REAL,             -- null: unknown, the camera is blind
    at_us INTEGER NOT NULL, -- capture time of the newest change
    PRIMARY KEY (agent, camera, rule)
) STRICT, WITHOUT ROWID;

-- What calls for a person. One live row for each (agent, camera, rule, kind).
CREATE TABLE alert (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- order of raising
    id BLOB NOT NULL UNIQUE,        -- UUIDv7, 16 bytes
    agent TEXT NOT NULL,            -- whose
    camera TEXT NOT NULL,           -- empty: about the agent itself
    rule TEXT NOT NULL,             -- the rule's name; `agent` for agent_silent
    kind TEXT NOT NULL,             -- name of an event kind, or agent_silent
    severity INTEGER NOT NULL,      -- highest of its occurrences, number of vong.v1.Severity
    condition INTEGER NOT NULL,     -- 0 unknown, 1 active, 2 cleared
    will_clear INTEGER NOT NULL,    -- 0: only acknowledging closes it
    episodes TEXT NOT NULL,         -- those not ended: epoch:number in hexadecimal, separated by spaces
    open INTEGER NOT NULL,          -- 1 until it is both over and acknowledged
    raised_us INTEGER NOT NULL,     -- capture time of what raised it
    changed_us INTEGER NOT NULL,    -- time of the last transition
    cleared_us INTEGER,             -- when it was over; null: it is not
    acknowledged_by TEXT,           -- a user's name; null: not acknowledged
    acknowledged_us INTEGER,        -- when
    acknowledged_note TEXT,         -- what they wrote
    occurrences INTEGER NOT NULL,   -- how often it began
    last_event BLOB,                -- id of the event of the newest occurrence
    cursor INTEGER NOT NULL         -- of the last change of this row
) STRICT;
CREATE UNIQUE INDEX alert_live ON alert (agent, camera, rule, kind) WHERE open = 1;
CREATE INDEX alert_open ON alert (open, number);
CREATE INDEX alert_cursor ON alert (cursor);

-- The life of each alert. Rows never change.
CREATE TABLE transition (
    alert INTEGER NOT NULL,     -- alert.number
    step INTEGER NOT NULL,      -- 1, 2, … within the alert
    at_us INTEGER NOT NULL,     -- when
    actor TEXT NOT NULL,        -- a user's name, `agent` or `centre`
    action TEXT NOT NULL,       -- raise, bump, resume, clear, acknowledge or unknown
    note TEXT NOT NULL,         -- what they wrote; empty: nothing
    event BLOB,                 -- id of the event that caused it; null: none
    PRIMARY KEY (alert, step)
) STRICT, WITHOUT ROWID;
CREATE INDEX transition_event ON transition (event) WHERE event IS NOT NULL;

-- Pictures whose file is in the evidence folder, under their hash.
CREATE TABLE evidence (
    sha256 BLOB PRIMARY KEY,       -- of the file
    agent TEXT NOT NULL,           -- who sent it first
    camera TEXT NOT NULL,          -- which camera saw it
    media_type TEXT NOT NULL,      -- image/jpeg, image/png or image/webp
    size_bytes INTEGER NOT NULL,   -- of the file
    masked INTEGER NOT NULL,       -- 1: faces and plates are not readable in it
    captured_us INTEGER NOT NULL,  -- capture time
    stored_us INTEGER NOT NULL     -- when it came
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_camera ON evidence (agent, camera, stored_us);

-- Which events refer to which pictures; a picture nobody refers to may be deleted.
CREATE TABLE evidence_use (
    sha256 BLOB NOT NULL,  -- the picture, which may come after its event
    event BLOB NOT NULL,   -- id of the event
    PRIMARY KEY (sha256, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_use_event ON evidence_use (event);

-- Items that were signed by the right agent, yet are not what they should be.
CREATE TABLE quarantine (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- order of coming
    agent TEXT NOT NULL,          -- who signed it
    epoch INTEGER NOT NULL,       -- stream, with lane and seq
    lane INTEGER NOT NULL,        -- 0 to 4
    seq INTEGER NOT NULL,         -- number in that stream
    reason TEXT NOT NULL,         -- what is wrong with it
    stored_us INTEGER NOT NULL,   -- when it came
    item BLOB NOT NULL            -- as it came; at most the wire's limit
) STRICT;

-- People who may sign in.
CREATE TABLE user (
    name TEXT PRIMARY KEY,        -- as they sign in
    role TEXT NOT NULL,           -- viewer, operator, supervisor or admin
    password_hash TEXT NOT NULL,  -- Argon2id, PHC string
    created_us INTEGER NOT NULL   -- when
) STRICT, WITHOUT ROWID;

-- Browsers that are signed in.
CREATE TABLE session (
    token_sha256 BLOB PRIMARY KEY, -- of the cookie's value
    user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE, -- who
    created_us INTEGER NOT NULL,   -- when they signed in
    seen_us INTEGER NOT NULL       -- last use, to about a minute
) STRICT, WITHOUT ROWID;

-- Programs that may read.
CREATE TABLE token (
    name TEXT PRIMARY KEY,             -- what it is for
    role TEXT NOT NULL,                -- service
    token_sha256 BLOB NOT NULL UNIQUE, -- of the whole token
    created_us INTEGER NOT NULL        -- when
) STRICT, WITHOUT ROWID;

-- The one-time code that makes the first administrator; at most one row.
CREATE TABLE setup_token (
    token_sha256 BLOB PRIMARY KEY -- of the code
) STRICT, WITHOUT ROWID;

-- Who did what. Rows never change.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY, -- 1, 2, … without holes
    at_us INTEGER NOT NULL,     -- when
    actor TEXT NOT NULL,        -- a user's name, an agent's id, `cli` or `setup`
    action TEXT NOT NULL,       -- what, as in user.add
    detail TEXT NOT NULL,       -- to whom, and how
    seal BLOB NOT NULL          -- SHA-256 over the seal before and this row
) STRICT;
