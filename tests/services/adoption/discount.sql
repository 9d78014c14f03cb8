CREATE TABLE discounts (
	id VARCHAR(36) NOT NULL,
	sku VARCHAR(64) NOT NULL,
	percent INTEGER NOT NULL,
	coupon VARCHAR(40) NOT NULL,
	description VARCHAR(500) NOT NULL,
	version BIGINT NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT percent_in_bounds CHECK (percent BETWEEN 1 AND 90)
);
CREATE INDEX discounts_by_article ON discounts (sku, coupon);
CREATE TABLE idempotent_answers (
	owner VARCHAR(200) NOT NULL,
	"key" VARCHAR(200) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	answer JSON NOT NULL,
	answered_at DATETIME NOT NULL,
	PRIMARY KEY (owner, "key")
);
