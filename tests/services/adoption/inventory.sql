CREATE TABLE stock (
	sku VARCHAR(64) NOT NULL,
	on_hand INTEGER NOT NULL,
	reserved INTEGER NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (sku),
	CONSTRAINT never_below_zero CHECK (reserved >= 0 AND on_hand >= reserved)
);
CREATE TABLE reservations (
	id VARCHAR(36) NOT NULL,
	owner VARCHAR(200) NOT NULL,
	status VARCHAR(16) NOT NULL,
	lines JSON NOT NULL,
	expires_at BIGINT NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX reservations_to_expire ON reservations (status, expires_at);
CREATE TABLE idempotent_answers (
	owner VARCHAR(200) NOT NULL,
	"key" VARCHAR(200) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	answer JSON NOT NULL,
	answered_at DATETIME NOT NULL,
	PRIMARY KEY (owner, "key")
);
