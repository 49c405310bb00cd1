import { Component, provideZoneChangeDetection, signal } from "@angular/core";
import { bootstrapApplication } from "@angular/platform-browser";
import { Vouchsafe } from "vouchsafe";
import { flow } from "../flow.js";

@Component({ selector: "app-root", template: "<output>{{ seen() }}</output>" })
class App {
  readonly seen = signal("");

  constructor() {
    const { vault = "", keystore = "" } = Object.fromEntries(new URLSearchParams(location.search));
    flow(Vouchsafe, { vault, keystore }).then(
      (seen: string) => this.seen.set(seen),
      (error: unknown) => this.seen.set(String(error)),
    );
  }
}

bootstrapApplication(App, { providers: [provideZoneChangeDetection()] });
