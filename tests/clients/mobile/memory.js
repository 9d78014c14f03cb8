/** Stands in for IndexedDB: entries in the order in which they came, and a catalogue that changes in one step. */

export class MemoryStore {
  #last = 0;
  rows = new Map();
  catalogue = new Map();
  values = new Map();

  async entries(user) {
    return [...this.rows.values()].filter((row) => row.user === user).map((row) => structuredClone(row));
  }

  async addEntry(entry) {
    this.#last += 1;
    const stored = { ...entry, id: this.#last };
    this.rows.set(stored.id, structuredClone(stored));
    return stored;
  }

  async updateEntry(id, change) {
    const current = this.rows.get(id);
    const changed = current ? change(structuredClone(current)) : null;
    if (changed) {
      this.rows.set(id, structuredClone(changed));
    }
    return changed;
  }

  async deleteEntry(id) {
    this.rows.delete(id);
  }

  async value(name) {
    return this.values.get(name);
  }

  async addValue(name, value) {
    this.values.set(name, this.values.get(name) ?? value);
    return this.values.get(name);
  }

  async applyChanges({ upserts, deleted, cursor }, fromScratch) {
    if (fromScratch) {
      this.catalogue.clear();
    }
    upserts.forEach((card) => this.catalogue.set(card.sku, card));
    deleted.forEach((sku) => this.catalogue.delete(sku));
    this.values.set("cursor", cursor);
  }
}
