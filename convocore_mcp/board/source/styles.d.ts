// Style sheets are for esbuild; TypeScript need only know that they may be imported.
declare module "*.css";
