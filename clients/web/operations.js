/** The ids of the client's persisted operations, as `front contracts persist` writes them. */
export const OPERATIONS = {
  OrderList: "sha256:bdde269820bc63bf4e27f824e41f88603fcc33a0813bc70697ba24536538e863",
  OrderProgress: "sha256:09ab1a025f8c811320635071a5cc3375f580ebddbffe0ad1d2de47ef0d49960c",
  OrderStages: "sha256:3f7e3d75a9290701abe6ab40c06cd85d748514f6476a9167470984bc79b24963",
};
