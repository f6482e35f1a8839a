-- +goose Up
-- One row for each app: the number of its published state, which every commit looks at.
CREATE TABLE apps (
  app       TEXT NOT NULL PRIMARY KEY,
  catalogue INTEGER NOT NULL
) WITHOUT ROWID;

-- Documents of the control plane: apps, structures, scenarios, versions, accounts, tokens, sessions. app is '' for what belongs to no app.
CREATE TABLE records (
  app   TEXT NOT NULL,
  kind  TEXT NOT NULL,
  id    TEXT NOT NULL,
  owner TEXT NOT NULL,
  rev   INTEGER NOT NULL,
  body  TEXT NOT NULL,
  until INTEGER NOT NULL,
  at    INTEGER NOT NULL,
  PRIMARY KEY (app, kind, id)
) WITHOUT ROWID;
CREATE INDEX records_of_owner ON records (app, kind, owner, id);
CREATE INDEX records_until ON records (until) WHERE until > 0;

CREATE TABLE objects (
  app        TEXT NOT NULL,
  structure  TEXT NOT NULL,
  id         TEXT NOT NULL,
  version    INTEGER NOT NULL,
  data       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  changed_by TEXT NOT NULL,
  PRIMARY KEY (app, structure, id)
) WITHOUT ROWID;
CREATE INDEX objects_changed ON objects (app, structure, changed_at, id);
CREATE INDEX objects_created ON objects (app, structure, created_at, id);

-- What filters, sorting and searches look at; text is folded and sorts by bytes, num holds numbers, dates (ms) and booleans.
-- A list has one row for each element; item is its place there.
CREATE TABLE object_values (
  app       TEXT NOT NULL,
  structure TEXT NOT NULL,
  field     TEXT NOT NULL,
  item      INTEGER NOT NULL,
  num       INTEGER,
  text      TEXT,
  object    TEXT NOT NULL,
  PRIMARY KEY (app, structure, object, field, item)
) WITHOUT ROWID;
CREATE INDEX object_values_num ON object_values (app, structure, field, num, object) WHERE num IS NOT NULL;
CREATE INDEX object_values_text ON object_values (app, structure, field, text, object) WHERE text IS NOT NULL;

CREATE TABLE changes (
  seq       INTEGER PRIMARY KEY AUTOINCREMENT,
  app       TEXT NOT NULL,
  structure TEXT NOT NULL,
  object    TEXT NOT NULL,
  kind      TEXT NOT NULL,
  version   INTEGER NOT NULL,
  before    TEXT,
  after     TEXT,
  fields    TEXT NOT NULL,
  who       TEXT NOT NULL,
  run       TEXT NOT NULL,
  chain     TEXT NOT NULL,
  depth     INTEGER NOT NULL,
  silent    INTEGER NOT NULL,
  op        TEXT NOT NULL,
  at        INTEGER NOT NULL
);
CREATE INDEX changes_of_app ON changes (app, seq);

CREATE TABLE runs (
  id          TEXT NOT NULL PRIMARY KEY,
  app         TEXT NOT NULL,
  scenario    TEXT NOT NULL,
  version     INTEGER NOT NULL,
  format      INTEGER NOT NULL,
  status      TEXT NOT NULL,
  candidate   INTEGER NOT NULL,
  trigger_id  TEXT NOT NULL,
  lane        TEXT NOT NULL,
  place       INTEGER NOT NULL,
  holds       INTEGER NOT NULL,
  started     INTEGER NOT NULL,
  owner       TEXT NOT NULL,
  epoch       INTEGER NOT NULL,
  cursor      INTEGER NOT NULL,
  state       TEXT NOT NULL,
  structure   TEXT NOT NULL,
  object      TEXT NOT NULL,
  change      INTEGER NOT NULL,
  user_id     TEXT NOT NULL,
  chain       TEXT NOT NULL,
  depth       INTEGER NOT NULL,
  parent      TEXT NOT NULL,
  pending     INTEGER NOT NULL,
  due_at      INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  finished_at INTEGER NOT NULL,
  forget_at   INTEGER NOT NULL,
  error       TEXT
) WITHOUT ROWID;
CREATE INDEX runs_of_scenario ON runs (app, scenario, id);
CREATE INDEX runs_of_change ON runs (change) WHERE change > 0;
CREATE INDEX runs_in_lane ON runs (app, lane, started DESC, place) WHERE lane <> '' AND finished_at = 0;
CREATE INDEX runs_owned ON runs (owner, id) WHERE status = 'ready';
CREATE INDEX runs_due ON runs (due_at) WHERE status = 'waiting';
CREATE INDEX runs_called ON runs (parent) WHERE parent <> '';
CREATE INDEX runs_calling ON runs (app) WHERE status = 'calling';
CREATE INDEX runs_over ON runs (forget_at) WHERE forget_at > 0;

CREATE TABLE run_steps (
  run      TEXT NOT NULL,
  seq      INTEGER NOT NULL,
  app      TEXT NOT NULL,
  step     TEXT NOT NULL,
  kind     TEXT NOT NULL,
  status   TEXT NOT NULL,
  attempt  INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  settings TEXT,
  output   TEXT,
  error    TEXT NOT NULL,
  PRIMARY KEY (run, seq)
) WITHOUT ROWID;

CREATE TABLE run_values (
  run   TEXT NOT NULL,
  name  TEXT NOT NULL,
  app   TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run, name)
) WITHOUT ROWID;

CREATE TABLE claims (
  app   TEXT NOT NULL,
  space TEXT NOT NULL,
  key   TEXT NOT NULL,
  owner TEXT NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (app, space, key)
) WITHOUT ROWID;
CREATE INDEX claims_until ON claims (until) WHERE until > 0;
CREATE INDEX claims_of_app ON claims (app, until) WHERE until > 0;

CREATE TABLE counters (
  app   TEXT NOT NULL,
  id    TEXT NOT NULL,
  n     INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (app, id)
) WITHOUT ROWID;
CREATE INDEX counters_until ON counters (until) WHERE until > 0;

CREATE TABLE push_head (
  app   TEXT NOT NULL PRIMARY KEY,
  epoch TEXT NOT NULL,
  pos   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE pushes (
  app     TEXT NOT NULL,
  pos     INTEGER NOT NULL,
  to_user TEXT NOT NULL,
  event   TEXT NOT NULL,
  message TEXT NOT NULL,
  json    INTEGER NOT NULL,
  run     TEXT NOT NULL,
  seq     INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  PRIMARY KEY (app, pos)
) WITHOUT ROWID;
CREATE INDEX pushes_at ON pushes (at);
CREATE INDEX pushes_of_run ON pushes (run) WHERE run <> '';

-- What became of the pushes of a step, as each node counted it; at is when a node first told.
CREATE TABLE deliveries (
  run       TEXT NOT NULL,
  seq       INTEGER NOT NULL,
  node      TEXT NOT NULL,
  app       TEXT NOT NULL,
  online    INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  received  INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  PRIMARY KEY (run, seq, node)
) WITHOUT ROWID;
CREATE INDEX deliveries_at ON deliveries (at);

-- One row for each transaction, by which an unknown outcome is looked up: the ends of the push logs, or nothing if it has not happened.
CREATE TABLE commits (
  id    TEXT NOT NULL PRIMARY KEY,
  at    INTEGER NOT NULL,
  heads TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX commits_at ON commits (at);

-- +goose Down
SELECT 1;
