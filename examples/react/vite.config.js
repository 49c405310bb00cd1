import react from "@vitejs/plugin-react";

export default {
  plugins: [react()],
  // React, and the WebAssembly module, which is inside the package's JavaScript.
  build: { chunkSizeWarningLimit: 1000 },
  test: { environment: "jsdom", globals: true },
};
