-- An agent whose disk fails goes on under another epoch, in the same run: its episodes go on too.
ALTER TABLE stream ADD COLUMN run INTEGER NOT NULL DEFAULT 0; -- epoch of the hello of the process that numbers this stream
UPDATE stream SET run = epoch;
