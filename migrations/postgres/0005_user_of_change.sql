-- +goose Up
-- The user who caused a change, for the runs that it starts later.
ALTER TABLE changes ADD COLUMN user_id TEXT COLLATE "C" NOT NULL DEFAULT '';
