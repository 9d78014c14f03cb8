CREATE TABLE reviews (
	id VARCHAR(36) NOT NULL,
	sku VARCHAR(64) NOT NULL,
	author VARCHAR(200) NOT NULL,
	rating SMALLINT NOT NULL,
	title VARCHAR(120) NOT NULL,
	text TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT one_review_by_author_and_article UNIQUE (sku, author),
	CONSTRAINT one_to_five_stars CHECK (rating BETWEEN 1 AND 5)
);
CREATE INDEX reviews_by_time ON reviews (sku, created_at, id);
CREATE TABLE summaries (
	sku VARCHAR(64) NOT NULL,
	rated_1 INTEGER NOT NULL,
	rated_2 INTEGER NOT NULL,
	rated_3 INTEGER NOT NULL,
	rated_4 INTEGER NOT NULL,
	rated_5 INTEGER NOT NULL,
	PRIMARY KEY (sku)
);
CREATE TABLE idempotent_answers (
	owner VARCHAR(200) NOT NULL,
	"key" VARCHAR(200) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	answer JSON NOT NULL,
	answered_at DATETIME NOT NULL,
	PRIMARY KEY (owner, "key")
);
