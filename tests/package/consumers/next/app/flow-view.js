"use client";

import { useEffect, useRef } from "react";
import { Vouchsafe } from "vouchsafe";
import { show } from "../flow.js";

export default function Flow() {
  const started = useRef(false);
  useEffect(() => {
    if (started.current) return;
    started.current = true;
    show(Vouchsafe);
  }, []);
  return <output />;
}
