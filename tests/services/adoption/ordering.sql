CREATE TABLE orders (
	id VARCHAR(36) NOT NULL,
	owner VARCHAR(200) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	status VARCHAR(16) NOT NULL,
	currency VARCHAR(3) NOT NULL,
	lines JSON NOT NULL,
	placed_at BIGINT NOT NULL,
	reservation_key VARCHAR(36) NOT NULL,
	reservation_id VARCHAR(64),
	version INTEGER NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX orders_of_owner ON orders (owner, placed_at, id);
