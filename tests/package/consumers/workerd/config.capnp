using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    ( name = "main",
      worker = (
        modules = [
          ( name = "bundle.js", esModule = embed "bundle.js" ),
          ( name = "vouchsafe/vouchsafe_bg.wasm", wasm = embed "node_modules/vouchsafe/vouchsafe_bg.wasm" ),
        ],
        compatibilityDate = "2026-01-01",
        globalOutbound = "network",
      )
    ),
    ( name = "network", network = ( allow = ["private", "public", "local"] ) ),
  ],
  sockets = [ ( name = "http", address = "127.0.0.1:0", http = (), service = "main" ) ],
);
