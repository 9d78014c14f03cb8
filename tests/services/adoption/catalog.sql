CREATE TABLE products (
	id INTEGER NOT NULL,
	sku VARCHAR(64) NOT NULL,
	name_key VARCHAR NOT NULL,
	brand_id VARCHAR(64) NOT NULL,
	brand_name VARCHAR(200) NOT NULL,
	type_id VARCHAR(64) NOT NULL,
	type_name VARCHAR(200) NOT NULL,
	price_amount BIGINT NOT NULL,
	document JSON NOT NULL,
	version BIGINT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (sku)
);
CREATE INDEX ix_products_type_id ON products (type_id);
CREATE INDEX products_by_name ON products (name_key, sku);
CREATE INDEX products_by_price ON products (price_amount, sku);
CREATE INDEX ix_products_brand_id ON products (brand_id);
CREATE VIRTUAL TABLE product_search USING fts5(title, kind, body, tokenize = 'ascii', prefix = '2 3');
CREATE TABLE idempotent_answers (
	owner VARCHAR(200) NOT NULL,
	"key" VARCHAR(200) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	answer JSON NOT NULL,
	answered_at DATETIME NOT NULL,
	PRIMARY KEY (owner, "key")
);
