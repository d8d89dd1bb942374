fn main() {
    atelier_studio::start();
}
