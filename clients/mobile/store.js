/**
 * What this phone stores, in IndexedDB: screens as they were last seen, what waits for the network, and the catalogue.
 *
 * Screens and entries belong to a user; a guest's have the user `""`. No token is ever stored, only the key to which tokens are bound.
 *
 * @typedef {import("./models.js").Card} Card
 * @typedef {import("./models.js").Changes} Changes
 * @typedef {import("./outbox.js").Entry} Entry
 * @typedef {{ key: string, user: string, at: number, body: any }} Screen
 */

const NAME = "shop";
const VERSION = 1;
const MAX_SCREENS = 200;

/** @template Value @param {IDBRequest<Value>} request @returns {Promise<Value>} */
function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {IDBTransaction} transaction @returns {Promise<void>} */
function completed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** @param {IDBDatabase} database */
function create(database) {
  const screens = database.createObjectStore("screens", { keyPath: "key" });
  screens.createIndex("user", "user");
  screens.createIndex("at", "at");
  database.createObjectStore("outbox", { keyPath: "id", autoIncrement: true }).createIndex("user", "user");
  database.createObjectStore("products", { keyPath: "sku" });
  database.createObjectStore("values", { keyPath: "name" });
}

export class Store {
  #database;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = database;
    database.onversionchange = () => database.close(); // another tab has a newer release
  }

  /** @param {IDBFactory} [factory] */
  static async open(factory = indexedDB) {
    const request = factory.open(NAME, VERSION);
    request.onupgradeneeded = () => create(request.result);
    return new Store(await result(request));
  }

  /**
   * @param {string} user
   * @param {string} name
   * @returns {Promise<Screen | undefined>}
   */
  screen(user, name) {
    return result(this.#read("screens").get(keyOf(user, name)));
  }

  /**
   * @param {string} user
   * @param {string} name
   * @param {any} body
   * @param {number} at
   */
  async putScreen(user, name, body, at) {
    const transaction = this.#database.transaction("screens", "readwrite");
    const screens = transaction.objectStore("screens");
    screens.put({ key: keyOf(user, name), user, at, body });
    const excess = (await result(screens.count())) - MAX_SCREENS;
    if (excess > 0) {
      const oldest = await result(screens.index("at").getAllKeys(null, excess));
      oldest.forEach((key) => screens.delete(key));
    }
    await completed(transaction);
  }

  /**
   * Removes the user's screens, and what waits for the network, too, unless `outbox` is false.
   *
   * @param {string} user
   * @param {{ outbox?: boolean }} [options]
   */
  async dropUser(user, { outbox = true } = {}) {
    const names = outbox ? ["screens", "outbox"] : ["screens"];
    const transaction = this.#database.transaction(names, "readwrite");
    for (const name of names) {
      const store = transaction.objectStore(name);
      const keys = await result(store.index("user").getAllKeys(user));
      keys.forEach((key) => store.delete(key));
    }
    await completed(transaction);
  }

  /**
   * What waits for the network, in the order in which it was done.
   *
   * @param {string} user
   * @returns {Promise<Entry[]>}
   */
  async entries(user) {
    const entries = await result(this.#read("outbox").index("user").getAll(user));
    return entries.sort((one, other) => one.id - other.id);
  }

  /**
   * @param {Omit<Entry, "id">} entry
   * @returns {Promise<Entry>}
   */
  async addEntry(entry) {
    const transaction = this.#database.transaction("outbox", "readwrite");
    const id = await result(transaction.objectStore("outbox").add(entry));
    await completed(transaction);
    return { ...entry, id: Number(id) };
  }

  /**
   * Changes an entry as it is now, in one step: null leaves it.
   *
   * @param {number} id
   * @param {(entry: Entry) => Entry | null} change
   * @returns {Promise<Entry | null>} what it is now; null when it was left or is gone
   */
  async updateEntry(id, change) {
    const transaction = this.#database.transaction("outbox", "readwrite");
    const outbox = transaction.objectStore("outbox");
    const current = await result(outbox.get(id));
    const changed = current ? change(current) : null;
    if (changed) {
      outbox.put(changed);
    }
    await completed(transaction);
    return changed;
  }

  /** @param {number} id */
  async deleteEntry(id) {
    const transaction = this.#database.transaction("outbox", "readwrite");
    transaction.objectStore("outbox").delete(id);
    await completed(transaction);
  }

  /**
   * Gives a user what another, such as the guest, has waiting.
   *
   * @param {string} from
   * @param {string} to
   */
  async adoptEntries(from, to) {
    const transaction = this.#database.transaction("outbox", "readwrite");
    const outbox = transaction.objectStore("outbox");
    for (const entry of await result(outbox.index("user").getAll(from))) {
      outbox.put({ ...entry, user: to });
    }
    await completed(transaction);
  }

  /**
   * Applies one page of changes to the catalogue, with its cursor: all of it or nothing.
   *
   * @param {Changes} changes
   * @param {boolean} fromScratch whether the products before it go
   */
  async applyChanges(changes, fromScratch = false) {
    const transaction = this.#database.transaction(["products", "values"], "readwrite");
    const products = transaction.objectStore("products");
    if (fromScratch) {
      products.clear();
    }
    changes.upserts.forEach((card) => products.put(card));
    changes.deleted.forEach((sku) => products.delete(sku));
    transaction.objectStore("values").put({ name: "cursor", value: changes.cursor });
    await completed(transaction);
  }

  /** @returns {Promise<Card[]>} */
  products() {
    return result(this.#read("products").getAll());
  }

  /**
   * @param {string} name
   * @returns {Promise<any>} undefined when there is none
   */
  async value(name) {
    return (await result(this.#read("values").get(name)))?.value;
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  async putValue(name, value) {
    const transaction = this.#database.transaction("values", "readwrite");
    transaction.objectStore("values").put({ name, value });
    await completed(transaction);
  }

  /**
   * Stores a value unless there is one.
   *
   * @param {string} name
   * @param {unknown} value
   * @returns {Promise<any>} the one that is there, the same for all tabs
   */
  async addValue(name, value) {
    const transaction = this.#database.transaction("values", "readwrite");
    const values = transaction.objectStore("values");
    const stored = (await result(values.get(name))) ?? { name, value };
    values.put(stored);
    await completed(transaction);
    return stored.value;
  }

  /** @param {string} name */
  #read(name) {
    return this.#database.transaction(name).objectStore(name);
  }
}

/**
 * @param {string} user
 * @param {string} name
 */
const keyOf = (user, name) => `${user}\n${name}`;
