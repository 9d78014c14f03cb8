/** The ids of the client's persisted operations, as `front contracts persist` writes them. */
export const OPERATIONS = {
  OrderProgress: "sha256:09ab1a025f8c811320635071a5cc3375f580ebddbffe0ad1d2de47ef0d49960c",
  OrderStages: "sha256:4b1f23f412b7b7a4ed187d9486315379c28ff8ff53b5caa9bf0d68ce7454d8bc",
};
