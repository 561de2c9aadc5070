/**
 * The portal: the customer's and the operator's user interface. `app/` is the application that runs
 * in the browser (its own tsconfig; pages/ one file per page, parts/ what pages are made of); the
 * files beside this one build it and serve it. What does not live here: the API it speaks to
 * (control), whose shapes are `model/api`. It owns no data; the built files live in memory as long
 * as the process.
 */
export { type BuiltApp, type BuiltFile, buildApp } from "./build.ts";
export { type PortalHandler, portalHandler } from "./handler.ts";
