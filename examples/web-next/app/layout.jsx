import "../../web-minimal/style.css";

export const metadata = { title: "azulejo with Next" };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <main>{children}</main>
      </body>
    </html>
  );
}
